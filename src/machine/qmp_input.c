/* What input-send-event takes: a list of InputEvent.  QEMU QMP Reference Manual, "Input". */
#include "machine/qmp_call.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static const char *string_of(const json_t *v, const char *key)
{
	const char *text = json_string_value(json_object_get(v, key));
	return text ? text : "";
}

const char *qmp_input_key(const json_t *v, struct problem *why)
{
	const char *name = json_string_value(json_object_get(v, "data"));
	if (!strcmp(string_of(v, "type"), "qcode") && name)
		return name;
	problem_set(why, "a key is {\"type\": \"qcode\", \"data\": NAME}");
	return NULL;
}

static bool down_of(const json_t *data, bool *down, struct problem *why)
{
	const json_t *v = json_object_get(data, "down");
	*down = json_is_true(v);
	return json_is_boolean(v) || problem_set(why, "Parameter 'down' is missing");
}

static bool read_key(struct qmp_input *in, const json_t *data, struct problem *why)
{
	struct control_key k = {.name = NULL};
	if (!down_of(data, &k.down, why))
		return false;
	k.name = qmp_input_key(json_object_get(data, "key"), why);
	in->keys[in->n_keys++] = k;
	return k.name;
}

/* A step of the wheel is a button that goes down; nothing happens when it goes up. */
static bool read_button(struct qmp_input *in, const json_t *data, struct problem *why)
{
	static const struct {
		const char *name;
		int button, wheel;
	} buttons[] = {
		{"left", MOUSE_LEFT, 0}, {"right", MOUSE_RIGHT, 0}, {"middle", MOUSE_MIDDLE, 0},
		{"side", MOUSE_SIDE, 0}, {"extra", MOUSE_EXTRA, 0}, {"wheel-up", 0, -1},
		{"wheel-down", 0, 1},
	};
	const char *name = string_of(data, "button");
	bool down;
	if (!down_of(data, &down, why))
		return false;
	for (unsigned i = 0; i < sizeof buttons / sizeof *buttons; i++) {
		if (strcmp(name, buttons[i].name) != 0)
			continue;
		struct pointer_step press = {down ? POINTER_DOWN : POINTER_UP, buttons[i].button};
		struct pointer_step turn = {POINTER_WHEEL, buttons[i].wheel};
		if (down || !turn.value)
			in->steps[in->n_steps++] = turn.value ? turn : press;
		return true;
	}
	return problem_set(why, "there is no such button: %.64s", name);
}

static bool read_axis(struct qmp_input *in, const json_t *data, bool absolute, struct problem *why)
{
	const char *axis = string_of(data, "axis");
	const json_t *v = json_object_get(data, "value");
	json_int_t value = json_integer_value(v), most = absolute ? POINTER_MOST : INT32_MAX;
	bool y = !strcmp(axis, "y");
	if (!y && strcmp(axis, "x") != 0)
		return problem_set(why, "there is no such axis: %.64s", axis);
	if (!json_is_integer(v) || value > most || value < (absolute ? 0 : -most))
		return problem_set(why, "Parameter 'value' expects a number from %d to %d",
		                   absolute ? 0 : -INT32_MAX, (int)most);
	enum pointer_kind kind = absolute ? POINTER_X : POINTER_DX;
	in->steps[in->n_steps++] = (struct pointer_step){kind + y, (int)value};
	return true;
}

static bool read_event(struct qmp_input *in, const json_t *e, struct problem *why)
{
	const char *type = string_of(e, "type");
	const json_t *data = json_object_get(e, "data");
	if (!strcmp(type, "key"))
		return read_key(in, data, why);
	if (!strcmp(type, "btn"))
		return read_button(in, data, why);
	if (!strcmp(type, "rel") || !strcmp(type, "abs"))
		return read_axis(in, data, *type == 'a', why);
	return problem_set(why, "only events of the types key, btn, rel and abs are there");
}

bool qmp_input_read(struct qmp_input *in, const json_t *events, struct problem *why)
{
	size_t n = json_array_size(events);
	*in = (struct qmp_input){
		.keys = calloc(n + 1, sizeof *in->keys),
		.steps = calloc(n + 1, sizeof *in->steps),
	};
	CHECK(in->keys && in->steps);
	for (size_t i = 0; i < n; i++)
		if (!read_event(in, json_array_get(events, i), why))
			return false;
	return true;
}

void qmp_input_free(struct qmp_input *in)
{
	free(in->keys);
	free(in->steps);
}
