#include "abi/callout.h"

static const struct callout_info table[] = {
#define CALLOUT(name, flow, faults, words) {#name, FLOW_##flow, faults},
#include "abi/callouts.inc"
#undef CALLOUT
};

const struct callout_info *callout_info(enum callout c)
{
	return &table[c];
}
