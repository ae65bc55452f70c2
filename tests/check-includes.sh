#!/bin/sh
# check-includes.sh [ROOT]: each folder of src may include what its row below
# names, and itself; of system headers, all but src/host and main.c may include those of C
# alone, without <signal.h>. A file has 700 lines at most, but for tables (.inc) and the tour.
# Prints FILE:LINE for what breaks a rule.
# check-includes.sh --self-test: does the check find what it should?
set -eu

# shellcheck disable=SC2016 # awk's dollars, not the shell's
check() {
	(cd "$1" && find src -name '*.[chS]' -o -name '*.inc' | LC_ALL=C sort | xargs awk '
	BEGIN {
		# A folder, or one header of it.
		may["base"]       = ""
		may["host"]       = "base"
		may["abi"]        = "base"
		may["cpu"]        = "base abi/native.h"
		may["devices"]    = "base"
		may["mmu"]        = "base host cpu"
		may["cache"]      = "base host abi"
		may["translator"] = "base abi cpu"
		may["monitor"]    = "base host abi cpu mmu cache translator"
		may["verify"]     = "base host abi/unit.h cache/dump.h"
		may["machine"]    = "base host cpu mmu devices monitor"
		may["main.c"]     = "base machine verify"
		# Libraries that stay in one folder.
		only["Zydis/"]    = "translator"
		only["capstone/"] = "verify"
		only["libelf.h"]  = "machine"
		only["gelf.h"]    = "machine"
		only["zlib.h"]    = "host"
		only["jansson.h"] = "machine"
		only["png.h"]     = "machine"
		# ISO/IEC 9899, 7.1.2: what a host without POSIX has, too.
		n = split("assert complex ctype errno fenv float inttypes iso646 limits locale math " \
			  "setjmp stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib " \
			  "stdnoreturn string tgmath threads time uchar wchar wctype", row, " ")
		for (i = 1; i <= n; i++)
			standard[row[i] ".h"] = 1
	}
	function bad(why) {
		printf "%s:%d: %s\n", FILENAME, FNR, why
		failed = 1
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split(FILENAME, part, "/")
		folder = part[2]
		header = $0
		sub(/^[^"]*"/, "", header)
		sub(/".*/, "", header)
		if (!(folder in may))
			bad("folder " folder " has no row in the table of includes")
		else if (header !~ "/")
			bad("\"" header "\": write \"folder/file.h\"")
		else {
			target = header
			sub(/\/.*/, "", target)
			n = split(folder " " may[folder], row, " ")
			for (i = 1; i <= n; i++)
				if (row[i] == target || row[i] == header)
					next
			bad(folder " may not include \"" header "\"")
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*</ {
		split(FILENAME, part, "/")
		header = $0
		sub(/^[^<]*</, "", header)
		sub(/>.*/, "", header)
		for (library in only)
			if (index(header, library) == 1) {
				if (only[library] != part[2])
					bad("<" library "> stays in src/" only[library])
				next
			}
		if (part[2] != "host" && part[2] != "main.c" && !(header in standard))
			bad("<" header "> stays in src/host")
	}
	FNR == 701 && FILENAME !~ /\.inc$|^src\/machine\/tour\// { bad("longer than 700 lines") }
	END { exit failed }')
}

self_test() {
	t=$(mktemp -d)
	trap 'rm -rf "$t"' EXIT
	mkdir -p "$t/src/cpu" "$t/src/translator" "$t/src/monitor" "$t/src/odd" "$t/src/host" \
		"$t/src/machine/tour"
	printf '#include "base/types.h"\n#include "cpu/cpu.h"\n' > "$t/src/cpu/good.c"
	printf '#include "cpu/cpu.h"\n' > "$t/src/monitor/good.c"
	printf '#include "abi/native.h"\n' > "$t/src/cpu/header.c"
	printf '#include <zlib.h>\n#include <sys/stat.h>\n' > "$t/src/host/good.c"
	printf '#include <signal.h>\n' > "$t/src/main.c"
	printf '#include <string.h>\n#include <libelf.h>\n' > "$t/src/machine/good.c"
	yes '' | head -n 700 > "$t/src/cpu/long.c"
	yes '' | head -n 701 > "$t/src/cpu/table.inc"
	cp "$t/src/cpu/table.inc" "$t/src/machine/tour/long.c"
	check "$t" || { echo "self-test: a right tree was refused"; exit 1; }
	printf '\n#include "mmu/mmu.h"\n' > "$t/src/cpu/bad.c"
	printf '#include "devices/pic.h"\n' > "$t/src/monitor/bad.c"
	printf '#include "cpu.h"\n' > "$t/src/cpu/plain.c"
	printf '#include <Zydis/Zydis.h>\n' > "$t/src/cpu/zydis.c"
	printf '#include <Zydis/Zydis.h>\n' > "$t/src/translator/good.c"
	printf '#include "base/types.h"\n' > "$t/src/odd/odd.c"
	printf '#include <string.h>\n#include <sys/stat.h>\n' > "$t/src/cpu/posix.c"
	printf '#include <signal.h> /* of C, and of POSIX */\n' > "$t/src/machine/signal.h"
	echo >> "$t/src/cpu/long.c"
	found=$(check "$t" | sed 's/: .*//' || :)
	want="src/cpu/bad.c:2
src/cpu/long.c:701
src/cpu/plain.c:1
src/cpu/posix.c:2
src/cpu/zydis.c:1
src/machine/signal.h:1
src/monitor/bad.c:1
src/odd/odd.c:1"
	[ "$found" = "$want" ] || {
		printf 'self-test: found\n%s\nbut should have found\n%s\n' "$found" "$want"
		exit 1
	}
}

case ${1:-} in
--self-test)	self_test ;;
*)		check "${1:-$(dirname "$0")/..}" ;;
esac
