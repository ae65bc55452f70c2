/* The state of the generator, and what its parts share. */
#ifndef ASM_GEN_H
#define ASM_GEN_H

#include "pack.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, DF = 0x400, OF = 0x800, AC = 0x40000 };
enum { FPU_IMAGES = 96, DATA_IMAGES = 64, CODE_MAX = 1024 };
#define NOT_CF (PF | AF | ZF | SF | OF)
#define ALL (CF | NOT_CF)

struct gen {
	uint64_t seed;
	struct asm_case c;
	uint8_t code[CODE_MAX];
	unsigned size;
	uint32_t base;     /* linear address of code */
	unsigned pinned;   /* registers that have a meaning already */
	int wide;          /* default operand and address size: 32 bits */
	int register_only; /* no memory operand */
	int program;       /* only EAX ECX EDX EBX EDI (and the byte registers) change;
			    * memory is at [ESI + disp8] and [EBP + disp8] */
};

/* gen_values.c: values. */
uint32_t any(struct gen *g);
uint32_t below(struct gen *g, uint32_t n);
int one_in(struct gen *g, uint32_t n);
uint32_t corner(struct gen *g);
void fill(struct gen *g, uint8_t *p, unsigned size);
/* An image for FXRSTOR; that of number 0 is of FNINIT, with values in the registers of SSE. */
void make_fpu(struct gen *g, uint8_t *image, unsigned number);

/* gen.c: code. */
void put8(struct gen *g, uint8_t byte);
void put_value(struct gen *g, uint32_t value, int size);
/* Bytes in hexadecimal, separated by blanks. */
void put_code(struct gen *g, const char *bytes);

/* A random initial state; the stack pointer of its stack segment, at the end of a page or not. */
void start_case(struct gen *g);
void set_stack(struct gen *g, int edge);

/* One instruction fit for the middle of a sequence. */
void put_filler(struct gen *g);

/* gen_program.c: blocks of code; self: that modify themselves. */
void generate_program(struct gen *g, int self);
/* Loads of segment registers and accesses through them. */
void generate_segments(struct gen *g);

#endif
