/* The checker of the translation cache: proves the invariants of ARCHITECTURE.md
 * over a dump (cache/dump.h).  It decodes with Capstone and knows from the manuals
 * what an instruction does; it shares no decoder and no table with the translator.
 * Whatever it does not know is a violation. */
#ifndef UNRING_VERIFY_VERIFY_H
#define UNRING_VERIFY_VERIFY_H

#include "base/types.h"

/* RULE(name, number, meaning) */
#define VERIFY_RULES(RULE)                                                                         \
	RULE(WRITABLE, "I1.1", "a page with live units can be written through a window")           \
	RULE(UNTRACED, "I1.2", "the mmu does not trace a page with live units")                    \
	RULE(CHECK, "I1.3", "a unit that checks itself runs what it has not compared")             \
	RULE(CHAIN, "I2.1", "a chained exit does not lead to a live unit of its target")           \
	RULE(BRANCH, "I2.2", "a branch-table entry does not lead to a live unit of its EIP")       \
	RULE(RETURN, "I2.3", "a return-stack entry is neither a landing pad nor the miss stub")    \
	RULE(DEAD, "I2.4", "a dead unit's landing pad or exit does not lead to its stub")          \
	RULE(OWNER, "I2.5", "a chain to another page that other windows may follow")               \
	RULE(BOOK, "I2.6", "a branch-table entry that its page's revocation would not find")       \
	RULE(GRANT, "I2.8", "an entry or chain to a page that its window does not run")            \
	RULE(MISS, "I2.7", "the table in which all lookups miss has an entry")                     \
	RULE(MAP_HOST, "I3.1", "a PC map entry is no instruction of the host, or out of order")    \
	RULE(MAP_GUEST, "I3.2", "a PC map entry is no instruction of the guest")                   \
	RULE(MAP_GAP, "I3.3", "a guest instruction is missing from the PC map")                    \
	RULE(MAP_UNDO, "I3.4", "borrowed register and PC map do not agree")                        \
	RULE(EIP, "I3.5", "a stub is given an EIP other than its instruction's")                   \
	RULE(MAP_OWN, "I3.6", "what may fault is not its guest instruction's, or missing")         \
	RULE(PUSHED, "I3.7", "a call does not push its next EIP")                                  \
	RULE(EXIT_EIP, "I3.8", "an exit to an EIP that its guest instruction does not lead to")    \
	RULE(BACKWARD, "I4.1", "a branch inside a unit leads backwards")                           \
	RULE(EXIT, "I4.2", "a branch leaves the unit and is none of its exits")                    \
	RULE(DENIED, "I5.1", "not an instruction that may be in the cache")                        \
	RULE(MEMORY, "I5.2", "a memory operand is neither GS with 67 nor in a template")           \
	RULE(RIP, "I5.3", "a RIP-relative operand")                                                \
	RULE(REGISTER, "I5.4", "names or writes a register that it must not")                      \
	RULE(PREFIX, "I5.5", "a prefix that must not be there")                                    \
	RULE(SYSTEM, "I5.6", "privileged, system or implicit stack instruction")                   \
	RULE(TARGET, "I5.7", "a branch to what is no unit, pad, stub or start of a template")      \
	RULE(STUB, "I5.8", "a stub or template is not what it must be, byte for byte")             \
	RULE(GAP, "I5.9", "a gap is not int3")                                                     \
	RULE(VEX, "I5.10", "VEX, EVEX or XOP")                                                     \
	RULE(CALLOUT, "I5.11", "no such callout, or not so")                                       \
	RULE(LOOSE_EIP, "I5.12", "a return or lookup with r8 not a 32-bit EIP")                    \
	RULE(PAD, "I5.13", "a call without its landing pad, or a pad without its call")            \
	RULE(ENTRY, "I5.15", "entry.S is not what it must be, byte for byte")                      \
	RULE(LOW, "I5.14", "a mapping below 4 GiB, or in a window's guard")                        \
	RULE(WRITE_EXEC, "I6.1", "a mapping that can be written and executed")                     \
	RULE(CODE_MAPPING, "I6.2", "code memory is not mapped exactly once each way")

enum verify_rule {
#define RULE(name, number, meaning) RULE_##name,
	VERIFY_RULES(RULE)
#undef RULE
		RULE_COUNT
};

/* TEMPLATE(name): a sequence that is matched whole and never entered in the middle. */
/* clang-format off */
#define VERIFY_TEMPLATES(TEMPLATE)                                                                 \
	TEMPLATE(callout) TEMPLATE(pending) TEMPLATE(shadow) TEMPLATE(pad) TEMPLATE(lookup) TEMPLATE(stub)          \
	TEMPLATE(thunk) TEMPLATE(ret) TEMPLATE(string) TEMPLATE(string_part) TEMPLATE(maskmov)      \
	TEMPLATE(part) TEMPLATE(redirect) TEMPLATE(borrow) TEMPLATE(pushf) TEMPLATE(popf)           \
	TEMPLATE(rdtsc) TEMPLATE(save) TEMPLATE(cell) TEMPLATE(far_pointer) TEMPLATE(shift)     \
	TEMPLATE(reach) TEMPLATE(string_linear) TEMPLATE(string_run) TEMPLATE(self_check) TEMPLATE(self_load)
/* clang-format on */

enum verify_template {
#define TEMPLATE(name) T_##name,
	VERIFY_TEMPLATES(TEMPLATE)
#undef TEMPLATE
		T_COUNT
};

struct verify_summary {
	unsigned units, dead;
	uint64_t instructions; /* outside templates */
	uint64_t bytes;
	unsigned exits, chained;
	unsigned templates[T_COUNT];
	unsigned violations;
	unsigned by_rule[RULE_COUNT];
};

struct verify_finding {
	enum verify_rule rule;
	uint32_t eip;  /* of the unit; 0 outside units */
	uint32_t host; /* offset in code memory */
	uint8_t bytes[15];
	uint8_t length; /* of them */
	char text[200]; /* disassembly, or what it is about */
};

const char *verify_rule_number(enum verify_rule r);
const char *verify_rule_meaning(enum verify_rule r);
const char *verify_template_name(enum verify_template t);

/* Checks a dump; found is called for each violation.  0, or -EINVAL for what is no
 * dump (or contradicts its own sizes), or -ENOMEM. */
int verify_dump(const void *dump, size_t bytes,
                void (*found)(void *ctx, const struct verify_finding *f), void *ctx,
                struct verify_summary *out);

/* The same, with the violations and the summary on standard error: how many there were, or
 * what verify_dump says. */
int verify_report(const void *dump, size_t bytes);

#endif
