/* The machine that is asked for: what the options of `unring run` say (options.inc), or a
 * program that runs one. */
#ifndef UNRING_MACHINE_CONFIG_H
#define UNRING_MACHINE_CONFIG_H

#include "cpu/model.h"
#include "host/fence.h"
#include "host/stream_spec.h"
#include "machine/geometry.h"
#include "machine/options.h"

enum {
	CONFIG_MODULES = 16,
	CONFIG_FLOPPIES = 2,
	CONFIG_DISKS = IDE_PLACES,
	CONFIG_CDROMS = IDE_PLACES,
	CONFIG_SERIALS = 2,
	CONFIG_DISPLAYS = 4,
	CONFIG_VGA_BYTES = 16 << 20,
	CONFIG_SCREEN_WIDTH = 1024, /* what --vbe is without the option */
	CONFIG_SCREEN_HEIGHT = 768,
};

#define CONFIG_NO_DISC "none"

enum config_mmu { MMU_SHADOW };

enum config_display_kind {
	DISPLAY_NONE,
	DISPLAY_TERMINAL,
	DISPLAY_VNC, /* this and those behind it are programs of their own */
	DISPLAY_WEB,
	DISPLAY_SDL,
};

/* What firmware boots; by the numbers of the drives. */
enum config_boot_device {
	BOOT_FLOPPY0,
	BOOT_DISK0 = BOOT_FLOPPY0 + CONFIG_FLOPPIES,
	BOOT_CDROM0 = BOOT_DISK0 + CONFIG_DISKS,
	BOOT_DEVICES = BOOT_CDROM0 + CONFIG_CDROMS,
};

/* Where the clock of the CMOS starts. */
struct config_rtc {
	enum { RTC_UTC, RTC_LOCAL, RTC_DATE } from;
	int64_t second; /* of RTC_DATE, since 1970 */
};

struct machine_config {
	const char *kernel;         /* NULL: firmware (config_has_firmware), or the tour */
	const char *bios, *vgabios; /* NULL: Debian's, where firmware is used */
	const char *initrd;
	struct {
		const char *at[CONFIG_MODULES];
		unsigned count;
	} modules; /* "FILE arguments" */
	const char *append;
	uint64_t memory; /* bytes */
	struct config_rtc rtc;
	struct {
		struct config_medium {
			const char *file;
			bool readonly, snapshot;
		} at[CONFIG_FLOPPIES];
		unsigned count;
	} floppies;
	struct {
		struct config_disk {
			struct config_medium medium;
			unsigned format;         /* config_format_name() */
			struct ide_geometry chs; /* cylinders 0: by its size */
			unsigned trans;          /* geometry_translation */
			const char *serial;      /* NULL: by its place */
		} at[CONFIG_DISKS];
		unsigned count;
	} disks;
	struct {
		const char *at[CONFIG_CDROMS]; /* CONFIG_NO_DISC: an empty drive */
		unsigned count;
	} cdroms;
	struct option_order boot; /* config_boot_device; what is tried first */
	unsigned boot_menu;       /* seconds; 0: none */
	struct config_cpu {
		const struct cpu_model *model;
		bool help; /* the models are to be listed */
	} cpu;
	struct {
		struct stream_spec at[CONFIG_SERIALS]; /* those that were not given are none */
		unsigned count;
	} serials;
	struct stream_spec parallel, debugcon, firmware_log, gdb, control;
	struct {
		struct config_display {
			enum config_display_kind kind;
			const char *text;     /* as typed, for messages */
			char address[48];     /* numeric, where it listens, */
			unsigned number;      /* and the port, or VNC's number of it */
			const char *password; /* a file; NULL: none */
		} at[CONFIG_DISPLAYS];
		unsigned count; /* 0: the terminal, if there is one and a medium is booted */
	} displays;
	struct config_screen {
		unsigned width, height;
	} vbe;           /* the best mode that the monitor tells of; 0: not given */
	unsigned keymap; /* keymap_name() */
	bool debug_exit, no_reboot, exit_on_halt, paused;
	const char *exit_on_text;
	bool no_idle_sleep;
	unsigned speed;           /* percent */
	unsigned ips;             /* instructions a second; 0: as many as there are */
	unsigned timeout;         /* seconds; 0: none */
	struct option_file stats; /* path NULL: standard error */
	struct config_log {
		unsigned categories; /* of base/log.h; 0: no log */
		const char *path;
	} log;
	unsigned vma_budget; /* 0: default */
	enum config_mmu mmu;
	bool no_userfaultfd, exact_ad, always_check, apic;
	uint64_t cache; /* bytes; 0: default */
	enum fence_mode fence;
	const char *dump_cache;
	bool verify, help;
	/* Checks a dump of the cache, says what it found; true: nothing wrong. */
	bool (*checker)(const void *dump, size_t bytes);
};

/* How the bytes of a disk lie in its file; by more names than these, qemu-nbd knows them.  NULL: there are no more. */
enum config_format { FORMAT_AUTO, FORMAT_RAW, FORMAT_QCOW2 };
const char *config_format_name(unsigned i);
/* What a disk's is: by what is in a raw one its guest could make it another, so its name tells. */
unsigned config_format_of(const struct config_disk *d);

/* How many drives are asked for? */
static inline unsigned config_media(const struct machine_config *c)
{
	return c->floppies.count + c->disks.count + c->cdroms.count;
}

/* Does the machine start in firmware? */
static inline bool config_has_firmware(const struct machine_config *c)
{
	return !c->kernel && (c->bios || c->vgabios || config_media(c));
}

static inline bool config_is_tour(const struct machine_config *c)
{
	return !c->kernel && !config_has_firmware(c);
}

/* Its options. */
extern const struct option_table config_options;

/* Reads the arguments after `run`. */
bool config_parse(struct machine_config *c, int argc, char **argv, struct problem *p);

/* Has the machine a medium that it boots?  Then its display may be the terminal. */
bool config_boots_medium(const struct machine_config *c);

/* Is the screen shown so? */
bool config_shows(const struct machine_config *c, enum config_display_kind kind);

/* What --display and --serial stand for that were not given, on a host with a terminal or not. */
bool config_choose_display(struct machine_config *c, bool terminal, struct problem *p);

#endif
