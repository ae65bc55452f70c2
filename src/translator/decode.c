#include "translator/decode.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
	ZydisDecoder code16, code32;
};

/* No model has MPX, CET or CLDEMOTE: their encodings are the NOPs 0F 18 to 0F 1F. */
static void set_modes(ZydisDecoder *d)
{
	ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
	ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
	ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
	ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
}

struct decoder *decoder_create(void)
{
	struct decoder *d = malloc(sizeof *d);
	if (!d)
		return NULL;
	ZydisDecoderInit(&d->code32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	ZydisDecoderInit(&d->code16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
	set_modes(&d->code32);
	set_modes(&d->code16);
	return d;
}

void decoder_destroy(struct decoder *d)
{
	free(d);
}

static void take_prefixes(const ZydisDecodedInstruction *z, struct insn *out, bool *p67)
{
	for (unsigned i = 0; i < z->raw.prefix_count; i++) {
		switch (z->raw.prefixes[i].value) {
		case 0x66:
			out->p66 = true;
			break;
		case 0x67:
			*p67 = true;
			break;
		case 0xf0:
			out->lock = true;
			break;
		case 0xf2:
		case 0xf3:
			out->rep = z->raw.prefixes[i].value;
			break;
		case 0x26:
			out->seg = SREG_ES;
			break;
		case 0x2e:
			out->seg = SREG_CS;
			break;
		case 0x36:
			out->seg = SREG_SS;
			break;
		case 0x3e:
			out->seg = SREG_DS;
			break;
		case 0x64:
			out->seg = SREG_FS;
			break;
		case 0x65:
			out->seg = SREG_GS;
			break;
		}
	}
}

enum decode_status decode(const struct decoder *d, const uint8_t *bytes, size_t avail, bool code32,
                          struct insn *out)
{
	ZydisDecodedInstruction z;
	ZyanStatus s = ZydisDecoderDecodeInstruction(code32 ? &d->code32 : &d->code16, NULL, bytes,
	                                             avail > 15 ? 15 : avail, &z);
	memset(out, 0, sizeof *out);
	out->seg = -1;
	if (s == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ||
	    (s == ZYDIS_STATUS_NO_MORE_DATA && avail >= 15))
		return DECODE_LONG;
	if (s == ZYDIS_STATUS_NO_MORE_DATA)
		return DECODE_SHORT;
	if (!ZYAN_SUCCESS(s) || z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return DECODE_INVALID;

	bool p67 = false;
	take_prefixes(&z, out, &p67);
	out->len = z.length;
	switch (z.opcode_map) {
	case ZYDIS_OPCODE_MAP_DEFAULT:
		out->map = 0;
		break;
	case ZYDIS_OPCODE_MAP_0F:
		out->map = 1;
		break;
	case ZYDIS_OPCODE_MAP_0F38:
		out->map = 2;
		break;
	case ZYDIS_OPCODE_MAP_0F3A:
		out->map = 3;
		break;
	default:
		return DECODE_INVALID;
	}
	out->opcode = z.opcode;
	out->opsize = code32 != out->p66 ? 4 : 2;
	out->adsize = code32 != p67 ? 4 : 2;
	if (z.attributes & ZYDIS_ATTRIB_HAS_MODRM) {
		out->has_modrm = true;
		out->mod = z.raw.modrm.mod;
		out->reg = z.raw.modrm.reg;
		out->rm = z.raw.modrm.rm;
	}
	if (z.attributes & ZYDIS_ATTRIB_HAS_SIB) {
		out->has_sib = true;
		out->scale = z.raw.sib.scale;
		out->index = z.raw.sib.index;
		out->base = z.raw.sib.base;
	}
	out->disp_size = z.raw.disp.size / 8;
	out->disp = (int32_t)z.raw.disp.value;
	out->imm_size = z.raw.imm[0].size / 8;
	out->imm_at = z.raw.imm[0].offset;
	out->imm = (uint32_t)z.raw.imm[0].value.u;
	out->imm2 = (uint32_t)z.raw.imm[1].value.u;
	return DECODE_OK;
}
