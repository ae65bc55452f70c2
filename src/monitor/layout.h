/* Where translated code and the stubs find their cells in struct vcpu, for a dump. */
#ifndef UNRING_MONITOR_LAYOUT_H
#define UNRING_MONITOR_LAYOUT_H

#include "cache/dump.h"
#include "cpu/vcpu.h"
#include "monitor/entry.h"
#include "translator/translator.h"

static inline struct dump_layout monitor_layout(void)
{
#define CELL(field) ((uint32_t)offsetof(struct vcpu, field))
	return (struct dump_layout){
		.stub_exit = CELL(native.stub) + 8 * STUB_EXIT,
		.stub_lookup = CELL(native.stub) + 8 * STUB_LOOKUP,
		.stub_miss = CELL(native.stub) + 8 * STUB_MISS,
		.stub_callout = CELL(native.stub) + 8 * STUB_CALLOUT,
		.pending = CELL(native.pending),
		.if_flag = CELL(if_flag),
		.vflags = CELL(vflags),
		.base_by_part = CELL(native.base_by_part),
		.tsc_minus = CELL(native.tsc_minus),
		.tsc_read = CELL(native.tsc_read),
		.seg = CELL(seg),
		.seg_stride = sizeof(struct segment),
		.seg_base = offsetof(struct segment, base),
		.seg_selector = offsetof(struct segment, selector),
		.ss_loaded = CELL(native.ss_loaded),
		.look = CELL(native.look),
		.reach = CELL(native.reach),
		.reach_stride = sizeof(struct seg_reach),
		.reach_read = offsetof(struct seg_reach, read),
		.reach_write = offsetof(struct seg_reach, write),
		.reach_low = offsetof(struct seg_reach, minus_low),
		.code_reach = CELL(native.code_reach),
		.memory = CELL(native.memory),
		.far_stub = CELL(far.stub),
		.far_key = CELL(far.key),
		.far_slot = CELL(far.slot),
		.ret_top = CELL(far.ret_top),
		.gpr = CELL(gpr),
		.flags = CELL(flags),
		.scratch = CELL(native.scratch),
		.host_rsp = CELL(native.host_rsp),
		.ret_sp = CELL(native.ret_sp),
		.window = CELL(native.window),
		.table = CELL(native.table),
		.tag = CELL(native.tag),
		.callouts = CO_COUNT,
		.co_pending = CO_PENDING,
		.co_pre = CO_PRE,
		.co_post = CO_POST,
		.co_popf = CO_POPF,
		.co_far_jmp = CO_FAR_JMP,
		.co_far_call = CO_FAR_CALL,
		.co_stale = CO_STALE,
		.out_direct = EXIT_DIRECT,
		.out_miss = EXIT_MISS,
		.out_callout = EXIT_CALLOUT,
		.out_fault = EXIT_FAULT,
		.out_pending = EXIT_PENDING,
		.out_far = EXIT_FAR,
	};
#undef CELL
}

#endif
