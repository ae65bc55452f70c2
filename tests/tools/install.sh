#!/bin/sh
# install.sh INSTALL.SH: tools/install.sh against a dpkg with one package in each of its
# states. Whatever is not wholly installed for this machine is installed, and nothing else.
set -eu
script=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin"

# The lines of $dir/states are PACKAGE ARCHITECTURE STATE; what has none is installed,
# but for those that dpkg does not know.
cat > "$dir/bin/dpkg-query" << 'END'
#!/bin/sh
[ "$1 $2 $3" = '-W -f ${Architecture} ${db:Status-Status}\n' ] || { echo "dpkg-query: not understood: $*" >&2; exit 2; }
found=
while read -r package architecture state; do
	[ "$package" = "$4" ] || continue
	[ "$architecture" != unknown ] || exit 1
	found=yes
	echo "$architecture $state"
done < "$DIR/states"
[ -n "$found" ] || echo "amd64 installed"
END
cat > "$dir/bin/dpkg" << 'END'
#!/bin/sh
[ "$*" = --print-architecture ] && echo amd64
END
cat > "$dir/bin/apt-get" << 'END'
#!/bin/sh
case "$*" in *" install "*) echo "${*##* install }" >> "$DIR/installed" ;; esac
END
cat > "$dir/bin/id" << 'END'
#!/bin/sh
echo 0
END
chmod +x "$dir/bin/"*

failed=0
# expect NAME WHAT LINE...: with these lines of dpkg's, WHAT (or nothing) is installed.
expect() {
	name=$1 what=$2
	shift 2
	: > "$dir/states"
	[ $# = 0 ] || printf '%s\n' "$@" > "$dir/states"
	: > "$dir/installed"
	if ! DIR=$dir PATH=$dir/bin:$PATH sh "$script" test 2> "$dir/said"; then
		got="failure: $(cat "$dir/said")"
	else
		got=$(cat "$dir/installed")
	fi
	if [ "$got" = "$what" ]; then
		echo "ok     $name"
	else
		echo "FAILED $name: installs '$got', not '$what'"
		failed=1
	fi
}

expect "all installed" ""
for state in not-installed config-files half-installed unpacked half-configured \
	triggers-awaited triggers-pending; do
	expect "$state" gdb "gdb amd64 $state"
done
expect "installed" "" "gdb amd64 installed"
expect "installed, for all architectures" "" "gdb all installed"
expect "unknown to dpkg" gdb "gdb unknown"
expect "installed for another architecture" gdb "gdb i386 installed"
expect "installed for another, removed here" gdb "gdb i386 installed" "gdb amd64 config-files"
expect "installed for another, too" "" "gdb i386 installed" "gdb amd64 installed"
exit $failed
