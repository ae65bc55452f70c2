/* What the machine's files share.  From the top down:
 *
 *   machine.c   creation, the run, the end
 *   boot.c      power-up state, what firmware leaves, the guest's kernel
 *   platform.c  what the monitor is given
 *   limits.c    ends of a run that the command line sets
 *   remote.c    what a control socket acts on
 *   records.c   what a run writes beside the guest: log, statistics, dumps
 *   control.c   what is done to it from outside (control.h)
 *
 * None calls one above it. */
#ifndef UNRING_MACHINE_INTERNAL_H
#define UNRING_MACHINE_INTERNAL_H

#include "host/alarm.h"
#include "machine/board.h"
#include "machine/config.h"
#include "machine/control.h"
#include "machine/control_target.h"
#include "cpu/model.h"
#include "machine/display.h"
#include "machine/gdb.h"
#include "machine/governor.h"
#include "machine/gtime.h"
#include "machine/idle.h"
#include "machine/images.h"
#include "machine/media.h"
#include "machine/memory_map.h"
#include "machine/output.h"
#include "machine/pacer.h"
#include "machine/pointer.h"
#include "machine/printed.h"
#include "machine/qmp.h"
#include "machine/serial.h"
#include "machine/viewers.h"
#include "monitor/monitor.h"

#include <stdio.h>

/* Where ports lead that take bytes and give none. */
enum sink { SINK_DEBUGCON, SINK_FIRMWARE_LOG, SINK_PRINTER, SINKS };

struct machine {
	struct machine_config config;
	struct cpu_model model; /* --cpu, with --apic */
	struct monitor *monitor;
	struct memory_map *memory;
	struct board *board;
	void *bus;         /* the board's, for leaves */
	uint32_t vga_page; /* where the display's memory begins */
	struct serial *serial[CONFIG_SERIALS];
	struct typist *typist;
	struct pointer *pointer;
	struct display *display; /* NULL: none */
	struct viewers *viewers; /* NULL: none */
	struct control control;
	struct gdb *gdb;         /* NULL: none */
	struct front_link front; /* of the control socket */
	struct qmp *qmp;         /* NULL: no control socket */
	struct control_target target;
	bool prelaunch;     /* --paused, and not let go yet */
	bool reset_by_host; /* what the reset was asked for by */
	bool guest_quits;   /* it asked for the end itself */
	bool halt_told;     /* of this life of the guest */
	struct printed printed;
	uint64_t found;       /* up to where commands have found text in it */
	struct alarm *limits; /* NULL: none */
	uint64_t deadline_ns; /* of the host's clock */
	uint64_t text_from;   /* up to where --exit-on-text has looked */
	bool text_seen;
	struct loop *loop;
	struct gtime *time;
	struct timer *poll_tick;
	struct timer *slice; /* of the governor: its kick is all that is wanted */
	struct governor governor;
	struct timer *nap; /* its end, likewise */
	struct idle idle;
	uint64_t idle_leaves;   /* stats.leaves, as it was when it was last looked at */
	bool nap_due, nap_deaf; /* the guest polls with interrupts off */
	struct pacer pacer;
	struct media media;
	struct images images; /* they are kept for a reset */
	struct stream *stdio;
	struct stream *sinks[SINKS]; /* NULL: none; they may be stdio */
	enum reset_kind reset_kind;  /* what the guest asked for */
	struct outputs outputs;
	FILE *stats_file, *log_file;
	int dump_fd;       /* --dump-cache; -1: none */
	bool bad_code;     /* what --verify found */
	bool write_failed; /* of some output, which was told */
	bool reader_gone;  /* of standard output */
};

/* --- boot.c --- */

/* The display's memory, before the board. */
bool boot_add_display(struct machine *m, struct problem *p);
/* Its devices in their power-up state; the serial port's file is open. */
void boot_create_board(struct machine *m);
/* Firmware's ROM, before the fence closes. */
bool boot_add_rom(struct machine *m, struct problem *p);
/* Power comes on: the machine as firmware finds it, or as it hands it over, with its kernel
 * loaded. */
bool boot_machine(struct machine *m, struct problem *p);
/* Is the reset that the guest asked for one of the processor, after which firmware goes on? */
bool boot_resumes(const struct machine *m);
/* The guest has reset it. */
bool boot_again(struct machine *m, struct problem *p);

/* --- platform.c --- */

/* What looks at output and at lost time while the guest computes. */
void platform_start(struct machine *m);
struct monitor_platform platform_of(struct machine *m);

/* --- limits.c --- */

bool limits_open(struct machine *m, struct problem *p);
/* The guest begins. */
void limits_begin(struct machine *m);
/* The guest has printed this. */
void limits_printed(struct machine *m, uint8_t byte);
/* The run's status, which would be this one without --exit-on-text. */
int limits_status(struct machine *m, int status);

/* --- remote.c --- */

bool remote_open(struct machine *m, const struct stream_host *h, struct problem *p);
/* Does the screen show it? */
bool remote_shows(struct machine *m, const char *text);
/* Events. */
void remote_was_reset(struct machine *m, enum monitor_end end);
void remote_has_ended(struct machine *m, enum monitor_end end);
void remote_has_halted(struct machine *m);
/* A drive's tray is open now, or closed. */
void remote_tray_moved(struct machine *m, const struct drive *d, bool open);
/* An image could not be read or written: a negative errno. */
void remote_has_failed(struct machine *m, const struct drive *d, bool write, int err);

/* --- records.c --- */

/* Opens what the options name; what is there is kept. */
bool records_open(struct machine *m, struct problem *p);
/* The guest is loaded: nothing keeps this run from writing any more. */
bool records_begin(struct machine *m, struct problem *p);
void records_close(struct machine *m);

/* Something could not be written: one line, and the run's status is 1. */
void records_failed(struct machine *m, const char *option, const char *path, int error);
/* For streams: the same; a reader of standard output who leaves ends the run. */
struct stream_host records_host(struct machine *m);

/* The run ends: no serial port's reader is waited for any longer. */
void records_hurry(struct machine *m);
/* Sends out what is taken now. */
void records_flush(struct machine *m);
/* Nothing more is written: sends all, and waits for who reads it. */
void records_drain(struct machine *m);
bool records_wants_polls(const struct machine *m);
void records_write_stats(struct machine *m, FILE *f);
/* --stats, if it was asked for. */
void records_stats(struct machine *m);
/* --verify, and --dump-cache unless dump_path is NULL. */
void records_check_code(struct machine *m, const char *dump_path);

#endif
