/* links: translator */
/* The instruction table against itself, and against what its rows become. */
#include "translator_fixture.h"

static const struct cpu_model all = {.name = "all", .isa = 0xffffffff};

static void test_sorted(void **state)
{
	const struct row *r, *last = table_at(0);
	for (unsigned i = 1; (r = table_at(i)); i++, last = r)
		assert_true((r->map << 8 | r->opcode) >= (last->map << 8 | last->opcode));
}

/* A row that an earlier one hides would be dead. */
static void test_reachable(void **state)
{
	const struct row *r;
	for (unsigned n = 0; (r = table_at(n)); n++) {
		uint8_t bytes[ROW_BYTES];
		struct insn i;
		bool reached = false, mem = false;
		for (unsigned f = 0; f < FORMS; f++)
			if (row_bytes(r, f, false, bytes, &i)) {
				reached = true;
				mem |= insn_is_mem(&i);
			}
		if (!reached)
			fail_msg("row %u (%s, %x %02x) is not reachable", n, r->name, r->map,
			         r->opcode);
		if (r->mod == 'm' && !mem)
			fail_msg("row %u (%s) has no memory form", n, r->name);
	}
}

/* The fields must say the same: ModRM classes, sizes, accesses. */
static void test_consistent(void **state)
{
	const struct row *r;
	for (unsigned n = 0; (r = table_at(n)); n++) {
		if (r->flags & ROW_LOCK)
			assert_int_equal(r->access, 'm');
		if (r->access)
			assert_true(r->size);
		if (r->mod == 'r')
			assert_false(r->size);
		if (r->flags & ROW_CO)
			assert_false(r->flags & ROW_RE);
		if (r->flags & ROW_KEEP66)
			assert_true(r->pfx);
		if (r->flags & ROW_PRIVILEGED)
			assert_int_equal(r->group, 'y');
	}
}

static void test_counts(void **state)
{
	static const char groups[] = "ifmsy";
	static const char *const kinds[] = {"ident", "re-encoded", "inline", "callout"};
	unsigned count[5][4] = {0}, total = 0;
	struct row_info r;

	for (; translator_row(total, &r); total++) {
		const char *g = strchr(groups, r.group);
		assert_non_null(g);
		count[g - groups][r.kind]++;
	}
	print_message("%u rows\n", total);
	for (unsigned k = 0; k < 4; k++)
		print_message("%-12s integer %3u, x87 %3u, MMX %3u, SSE %3u, system %3u\n",
		              kinds[k], count[0][k], count[1][k], count[2][k], count[3][k],
		              count[4][k]);
	/* MMX and SSE have no callout at all, and there is something of everything else. */
	assert_int_equal(count[2][ROW_CALLOUT] + count[3][ROW_CALLOUT], 0);
	for (unsigned g = 0; g < 4; g++)
		assert_true(count[g][ROW_REENCODE] > 10);
	assert_true(count[0][ROW_IDENT] && count[0][ROW_INLINE] && count[4][ROW_CALLOUT]);
}

/* Integer and x87 rows are not callouts, but for BCD and these. */
static void test_callouts(void **state)
{
	static const char *const bcd[] = {"daa", "das", "aaa", "aas", "aam", "aad"};
	static const char *const expected[] = {
		"pop es",  "pop ss", "pop ds", "bound",  "arpl",   "mov to sreg", "les", "lds",
		"fnstenv", "fnsave", "pop fs", "pop gs", "fxsave", "lss",         "lfs", "lgs",
	};
	enum { N = sizeof expected / sizeof *expected, N_BCD = sizeof bcd / sizeof *bcd };
	unsigned found = 0, found_bcd = 0;
	struct row_info r;

	for (unsigned i = 0; translator_row(i, &r); i++) {
		if (r.kind != ROW_CALLOUT || r.group == 'y')
			continue;
		if (found_bcd < N_BCD && !strcmp(r.name, bcd[found_bcd])) {
			found_bcd++;
			continue;
		}
		print_message("callout: %s\n", r.name);
		assert_true(found < N);
		assert_string_equal(r.name, expected[found++]);
	}
	assert_int_equal(found, N);
	assert_int_equal(found_bcd, N_BCD);
}

/* That a row is a callout, or is none, shows in its translation.  POPF and STI are
 * none, but call out when a virtual flag changes or an interrupt waits. */
static void test_kinds_are_true(void **state)
{
	static const char *const sometimes[] = {"popf", "sti"};
	unsigned seen = 0;
	const struct row *r;

	for (unsigned n = 0; (r = table_at(n)); n++) {
		bool with = false, without = false;
		for (unsigned f = 0; f < FORMS; f++) {
			uint8_t bytes[ROW_BYTES];
			struct translation t;
			struct insn i;
			uint32_t packed;
			if (!row_bytes(r, f, false, bytes, &i))
				continue;
			translate(&t, bytes, sizeof bytes, FLAT32_CPL0, &all, 1);
			if (callout_at(&t, 0, &packed))
				with = true;
			else
				without = true;
		}
		bool co = r->flags & ROW_CO;
		if (seen < 2 && !strcmp(r->name, sometimes[seen])) {
			assert_true(with && !co);
			seen++;
		} else if (co ? !with || without : !without) {
			fail_msg("row %u (%s) is %s callout", n, r->name, co ? "no" : "a");
		}
	}
	assert_int_equal(seen, 2);
}

/* Robin and Irvine's instructions, cited as seventeen, as rows. */
static void test_sensitive(void **state)
{
	static const struct {
		const char *mnemonic, *rows[8];
	} list[] = {
		{"SGDT", {"sgdt"}},
		{"SIDT", {"sidt"}},
		{"SLDT", {"sldt"}},
		{"SMSW", {"smsw"}},
		{"PUSHF", {"pushf"}},
		{"POPF", {"popf"}},
		{"LAR", {"lar"}},
		{"LSL", {"lsl"}},
		{"VERR", {"verr"}},
		{"VERW", {"verw"}},
		{"POP", {"pop es", "pop ss", "pop ds", "pop fs", "pop gs"}},
		{"PUSH", {"push es", "push cs", "push ss", "push ds", "push fs", "push gs"}},
		{"CALL", {"call far"}},
		{"JMP", {"jmp far"}},
		{"INT n", {"int", "int3", "into"}},
		{"RET, IRET", {"ret far", "iret"}},
		{"STR", {"str"}},
		{"MOV", {"mov from sreg", "mov to sreg", "les", "lds", "lss", "lfs", "lgs"}},
	};
	unsigned flagged = 0, listed = 0;
	struct row_info r;

	for (unsigned i = 0; translator_row(i, &r); i++)
		flagged += r.sensitive;
	for (unsigned m = 0; m < sizeof list / sizeof *list; m++)
		for (unsigned k = 0; k < 8 && list[m].rows[k]; k++) {
			bool found = false;
			for (unsigned i = 0; translator_row(i, &r); i++)
				if (!strcmp(r.name, list[m].rows[k])) {
					if (!r.sensitive)
						fail_msg("%s: %s is not flagged", list[m].mnemonic,
						         r.name);
					found = true;
					listed++;
				}
			if (!found)
				fail_msg("%s: no row %s", list[m].mnemonic, list[m].rows[k]);
		}
	assert_int_equal(flagged, listed);
}

/* The SDM's list (vol. 2, LOCK). */
static void test_lockable(void **state)
{
	static const char *const names[] = {"adc",     "add",       "and", "btc",  "btr",  "bts",
	                                    "cmpxchg", "cmpxchg8b", "dec", "inc",  "neg",  "not",
	                                    "or",      "sbb",       "sub", "xadd", "xchg", "xor"};
	enum { N = sizeof names / sizeof *names };
	bool seen[N] = {0};
	const struct row *r;

	for (unsigned n = 0; (r = table_at(n)); n++) {
		if (!(r->flags & ROW_LOCK))
			continue;
		bool listed = false;
		for (unsigned i = 0; i < N; i++)
			if (!strcmp(r->name, names[i]))
				listed = seen[i] = true;
		if (!listed)
			fail_msg("%s takes no LOCK", r->name);
	}
	for (unsigned i = 0; i < N; i++)
		if (!seen[i])
			fail_msg("%s takes LOCK", names[i]);
}

static void test_lock(void **state)
{
	const struct row *r;
	for (unsigned n = 0; (r = table_at(n)); n++) {
		for (unsigned f = 0; f < FORMS; f++) {
			uint8_t bytes[ROW_BYTES];
			struct insn i;
			/* Without LOCK the form exists: */
			if (!row_bytes(r, f, false, bytes, &i) ||
			    trap_of(bytes, ROW_BYTES, FLAT32_CPL0, &all) >= 0)
				continue;
			bool mem = insn_is_mem(&i);
			memmove(bytes + 1, bytes, ROW_BYTES - 1);
			bytes[0] = 0xf0;
			int want = mem && r->flags & ROW_LOCK ? -1 : VEC_UD;
			if (trap_of(bytes, ROW_BYTES, FLAT32_CPL0, &all) != want)
				fail_msg("LOCK %s (row %u): not vector %d", r->name, n, want);
		}
	}
}

/* What a model lacks is #UD; what it has is not. */
static void test_models(void **state)
{
	/* An older model lacks more. */
	static const char *const models[] = {"386",      "486sx",    "486", "pentium",
	                                     "pentium3", "pentium4", "n270"};
	unsigned before = 0;
	for (unsigned m = 0; m < sizeof models / sizeof *models; m++) {
		const struct cpu_model *model = cpu_model_find(models[m]);
		unsigned lacks = 0;
		assert_non_null(model);
		const struct row *r;
		for (unsigned n = 0; (r = table_at(n)); n++) {
			for (unsigned f = 0; f < FORMS; f++) {
				uint8_t bytes[ROW_BYTES];
				struct insn i;
				if (!row_bytes(r, f, false, bytes, &i) ||
				    trap_of(bytes, ROW_BYTES, FLAT32_CPL0, &all) >= 0)
					continue;
				/* Without an FPU, what is for one does nothing. */
				bool esc = r->map == 0 && (r->opcode & 0xf8) == 0xd8;
				bool nobody = esc && !(model->isa & ISA_FPU);
				int want = r->isa & ~model->isa && !nobody ? VEC_UD : -1;
				if (trap_of(bytes, ROW_BYTES, FLAT32_CPL0, model) != want)
					fail_msg("%s on %s: not vector %d", r->name, model->name,
					         want);
				lacks += (r->isa & ~model->isa) != 0;
				break;
			}
		}
		print_message("%s lacks %u rows\n", model->name, lacks);
		assert_true(!m || lacks < before);
		before = lacks;
	}
}

/* Privileged rows are #GP(0) at CPL 3 and run at CPL 0. */
static void test_privileged(void **state)
{
	const struct row *r;
	unsigned count = 0;
	for (unsigned n = 0; (r = table_at(n)); n++) {
		uint8_t bytes[ROW_BYTES];
		struct insn i;
		for (unsigned f = 0; f < FORMS; f++) {
			if (!row_bytes(r, f, false, bytes, &i) ||
			    trap_of(bytes, ROW_BYTES, FLAT32_CPL0, &all) >= 0)
				continue;
			int want = r->flags & ROW_PRIVILEGED ? VEC_GP : -1;
			assert_int_equal(trap_of(bytes, ROW_BYTES, FLAT32 | 3, &all), want);
			count += want == VEC_GP;
			break;
		}
	}
	/* SDM vol. 3, 5.9, less MOV from and to DR, which count as two each. */
	assert_true(count >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),     cmocka_unit_test(test_reachable),
		cmocka_unit_test(test_consistent), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_callouts),   cmocka_unit_test(test_kinds_are_true),
		cmocka_unit_test(test_sensitive),  cmocka_unit_test(test_lockable),
		cmocka_unit_test(test_lock),       cmocka_unit_test(test_models),
		cmocka_unit_test(test_privileged),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
