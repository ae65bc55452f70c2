#include "machine/qmp_keys.h"

#include "base/log.h"

#include <string.h>

enum { PACE_MS = 5 };

unsigned qmp_keys_room(const struct qmp_keys *k)
{
	return QMP_KEYS - k->count;
}

static struct qmp_key *add(struct qmp_keys *k)
{
	CHECK(k->count < QMP_KEYS);
	struct qmp_key *key = &k->at[(k->head + k->count++) % QMP_KEYS];
	*key = (struct qmp_key){.pause_ms = PACE_MS};
	return key;
}

void qmp_keys_put(struct qmp_keys *k, const char *name, bool down)
{
	struct qmp_key *key = add(k);
	CHECK(strlen(name) < sizeof key->name);
	memcpy(key->name, name, strlen(name) + 1);
	key->down = down;
}

void qmp_keys_pause(struct qmp_keys *k, unsigned ms)
{
	add(k)->pause_ms = ms;
}

void qmp_keys_chord(struct qmp_keys *k, const char *const *names, unsigned n, unsigned hold_ms)
{
	for (unsigned i = 0; i < n; i++)
		qmp_keys_put(k, names[i], true);
	if (hold_ms)
		qmp_keys_pause(k, hold_ms);
	while (n)
		qmp_keys_put(k, names[--n], false);
}

unsigned qmp_keys_step(struct qmp_keys *k, const struct control_target *t)
{
	if (!k->count)
		return 0;
	const struct qmp_key *key = &k->at[k->head];
	if (*key->name && !t->key(t->ctx, key->name, key->down))
		return PACE_MS;
	k->head = (k->head + 1) % QMP_KEYS;
	k->count--;
	return key->pause_ms ? key->pause_ms : PACE_MS;
}
