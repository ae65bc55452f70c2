/* The enhanced PS/2 keyboard: three sets of scan codes, its commands, typematic repeat, a buffer
 * of 16 bytes.  IBM PS/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-Key)". */
#ifndef UNRING_DEVICES_KEYBOARD_H
#define UNRING_DEVICES_KEYBOARD_H

#include "devices/device.h"
#include "devices/ps2.h"

enum key {
	KEY_NONE,
#define KEY(name, set1, set2, set3, mode) KEY_##name,
#include "devices/keys.inc"
#undef KEY
	KEYS,
};

struct keyboard;
extern const struct device_type keyboard_type;

struct keyboard *keyboard_create(struct clock *clock);
/* Its end of the line; and whom it tells that it has something to send. */
struct ps2_device keyboard_line(struct keyboard *k);
void keyboard_connect(struct keyboard *k, struct ps2_host host);

/* A key goes down or up; one that is there already stays.  What finds the buffer full is lost,
 * and the guest is told, as a real one is: see keyboard_takes(). */
void keyboard_key(struct keyboard *k, enum key key, bool down);
bool keyboard_is_down(const struct keyboard *k, enum key key);

/* Is the guest ready for another key: does it listen, and has it taken what came before? */
bool keyboard_takes(const struct keyboard *k);

#endif
