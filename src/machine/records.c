/* What a run writes beside what its guest does: log, statistics, dumps; the debug port's sink. */
#include "machine/internal.h"

#include "base/log.h"
#include "base/stats.h"
#include "host/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void records_failed(struct machine *m, const char *option, const char *path, int error)
{
	report("%s%s%s: %s", option, path ? " " : "", path ? path : "", strerror(error));
	m->write_failed = true;
}

static const struct {
	const char *option, *before; /* before a path, in what is said of it */
	size_t spec;
} sinks[SINKS] = {
	[SINK_DEBUGCON] = {"--debugcon", "--debugcon ", offsetof(struct machine_config, debugcon)},
	[SINK_FIRMWARE_LOG] = {"--firmware-log", "--firmware-log ",
                               offsetof(struct machine_config, firmware_log)},
	[SINK_PRINTER] = {"--parallel",
                          "--parallel file:", offsetof(struct machine_config, parallel)},
};

static const struct stream_spec *sink_spec(const struct machine *m, enum sink i)
{
	return (const struct stream_spec *)((const char *)&m->config + sinks[i].spec);
}

static void on_stream_failed(void *ctx, const struct stream *s, int err)
{
	struct machine *m = ctx;
	const struct stream_spec *serials = m->config.serials.at;
	enum sink i = 0;
	if (s == m->stdio) {
		records_failed(m, "standard output", NULL, -err);
		if (err == -EPIPE) { /* nobody will see the rest */
			m->reader_gone = true;
			control_quit(&m->control, 1);
		}
		return;
	}
	while (i < SINKS && s != m->sinks[i])
		i++;
	if (i < SINKS)
		records_failed(m, sinks[i].option, sink_spec(m, i)->text, -err);
	else
		records_failed(m, "--serial", serials[serial_is(m->serial[1], s)].text, -err);
}

struct stream_host records_host(struct machine *m)
{
	return (struct stream_host){m->loop, &m->control.end_signal, m, on_stream_failed};
}

/* The end of a file that was written to by stdio. */
static void check_written(struct machine *m, FILE *f, const char *option, const char *path)
{
	if (fflush(f) || ferror(f))
		records_failed(m, option, path, errno);
}

void records_hurry(struct machine *m)
{
	for (unsigned i = 0; i < CONFIG_SERIALS; i++)
		serial_hurry(m->serial[i]);
}

void records_flush(struct machine *m)
{
	for (unsigned i = 0; i < CONFIG_SERIALS; i++)
		serial_flush(m->serial[i]);
	for (unsigned i = 0; i < SINKS; i++)
		if (m->sinks[i])
			stream_flush(m->sinks[i]);
}

void records_drain(struct machine *m)
{
	for (unsigned i = 0; i < CONFIG_SERIALS; i++)
		serial_drain(m->serial[i]);
	for (unsigned i = 0; i < SINKS; i++)
		if (m->sinks[i])
			stream_drain(m->sinks[i]);
}

bool records_wants_polls(const struct machine *m)
{
	bool wants = serial_wants_polls(m->serial[0]) || serial_wants_polls(m->serial[1]);
	for (unsigned i = 0; i < SINKS && !wants; i++)
		wants = m->sinks[i] && stream_wants_polls(m->sinks[i]);
	return wants;
}

void records_write_stats(struct machine *m, FILE *f)
{
	stats_write(f);
	monitor_stats_write(m->monitor, f);
	fprintf(f, "seconds %.3f\n", gtime_now(m->time) / 1e9);
}

void records_stats(struct machine *m)
{
	if (!m->config.stats.given)
		return;
	FILE *f = m->stats_file ? m->stats_file : stderr;
	records_write_stats(m, f);
	check_written(m, f, "--stats", m->config.stats.path);
}

/* --dump-cache and --verify. */
void records_check_code(struct machine *m, const char *dump_path)
{
	const struct machine_config *c = &m->config;
	char *dump = NULL;
	size_t bytes;
	FILE *f = open_memstream(&dump, &bytes);
	CHECK(f);
	int err = monitor_dump(m->monitor, f);
	if (fclose(f))
		err = -ENOMEM;
	if (err)
		report("cannot dump the cache: %s", strerror(-err));
	if (err || (c->verify && !c->checker(dump, bytes)))
		m->bad_code = true;
	if (!err && dump_path && (err = file_replace(m->dump_fd, dump, bytes)))
		records_failed(m, "--dump-cache", dump_path, -err);
	free(dump);
}

static bool open_sink(struct machine *m, enum sink i, struct problem *p)
{
	struct stream_host host = records_host(m);
	const struct stream_spec *spec = sink_spec(m, i);
	if (spec->kind == STREAM_STDIO) {
		m->sinks[i] = m->stdio;
	} else if (spec->kind) {
		int fd = output_open(&m->outputs, sinks[i].before, spec->path, p);
		if (fd < 0)
			return false;
		m->sinks[i] = stream_create(-1, fd, &host);
	}
	return true;
}

bool records_open(struct machine *m, struct problem *p)
{
	const struct machine_config *c = &m->config;
	struct outputs *s = &m->outputs;
	struct stream_host host = records_host(m);
	m->stdio = stream_create(0, 1, &host);
	if (c->log.path && !(m->log_file = output_stream(s, "--log ", c->log.path, p)))
		return false;
	if (c->stats.path && !(m->stats_file = output_stream(s, "--stats ", c->stats.path, p)))
		return false;
	if (c->dump_cache && (m->dump_fd = output_open(s, "--dump-cache ", c->dump_cache, p)) < 0)
		return false;
	for (enum sink i = 0; i < SINKS; i++)
		if (!open_sink(m, i, p))
			return false;
	return true;
}

bool records_begin(struct machine *m, struct problem *p)
{
	if (!outputs_begin(&m->outputs, p))
		return false;
	if (m->log_file)
		log_open(m->config.log.categories, m->log_file);
	m->log_file = NULL; /* the log's */
	return true;
}

void records_close(struct machine *m)
{
	for (unsigned i = 0; i < SINKS; i++)
		if (m->sinks[i] != m->stdio)
			stream_close(m->sinks[i]);
	stream_close(m->stdio);
	if (m->stats_file)
		fclose(m->stats_file);
	file_close(m->dump_fd);
	if (m->log_file)
		fclose(m->log_file);
	log_close();
}
