/* Where an instruction says that its operand is. */
#include "translator/xlate.h"

enum sreg insn_segment(const struct insn *i)
{
	if (i->seg >= 0)
		return i->seg;
	if (!insn_is_mem(i))
		return SREG_DS;
	if (i->adsize == 2)
		return i->rm == 2 || i->rm == 3 || (i->rm == 6 && i->mod) ? SREG_SS : SREG_DS;
	unsigned base = i->rm == 4 ? i->base : i->rm;
	return base == ESP || (base == EBP && i->mod) ? SREG_SS : SREG_DS;
}

struct memop xl_ea32(const struct insn *i, int32_t esp_bias)
{
	struct memop m = {.base = NOREG, .index = NOREG, .disp = i->disp};

	if (!i->has_modrm)
		return m;
	if (i->rm == 4) {
		if (!(i->base == 5 && i->mod == 0))
			m.base = host_gpr(i->base);
		if (i->index != 4) {
			m.index = i->index;
			m.scale = i->scale;
		}
		if (m.base == R12)
			m.disp += esp_bias;
	} else if (!(i->rm == 5 && i->mod == 0)) {
		m.base = i->rm;
	}
	return m;
}
