#!/bin/sh
# fetch.sh PACKAGE...: downloads Debian packages for i386 with apt and unpacks
# each into build/guests/pkg/PACKAGE. A meta package of the kernel
# (linux-image-686) is replaced by the package that it depends on, and stays
# as a link to it. apt gets a state of its own: this needs no root, and leaves
# the machine's apt set-up and its architectures alone. What is there already
# is not downloaded again.
set -eu
cd "$(dirname "$0")/.."
g=$PWD/build/guests
a=$g/apt

wanted=
for p in "$@"; do
	[ -d "$g/pkg/$p" ] || wanted="$wanted $p"
done
[ -n "$wanted" ] || exit 0

for t in apt-get apt-cache dpkg-deb; do
	command -v $t > /dev/null || { echo "fetch.sh: missing: $t" >&2; exit 1; }
done
mkdir -p "$a/lists/partial" "$a/cache/archives/partial" "$g/deb" "$g/pkg"
: > "$a/status"

i386() {
	tool=$1
	shift
	"$tool" -qq -o APT::Architecture=i386 -o APT::Architectures::=i386 \
		-o Dir::State="$a" -o Dir::State::Lists="$a/lists" \
		-o Dir::State::Status="$a/status" -o Dir::Cache="$a/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none \
		-o Acquire::Retries=3 "$@"
}

# Lists of the last hour stand. A suite that fails for a while is no reason to
# stop: the download will tell.
if [ -z "$(find "$a/updated" -mmin -60 2> /dev/null)" ]; then
	i386 apt-get update > "$a/log" 2>&1 || echo "fetch.sh: some package lists could not be had: $a/log" >&2
	: > "$a/updated"
fi
for wish in $wanted; do
	p=$wish
	case $wish in
	linux-image-686 | linux-image-686-pae)
		p=$(i386 apt-cache depends "$wish" | sed -n 's/.*Depends: \([^:]*\).*/\1/p' | head -n 1)
		[ -n "$p" ] || { echo "fetch.sh: no kernel found behind $wish" >&2; exit 1; } ;;
	esac
	if [ ! -d "$g/pkg/$p" ]; then
		rm -f "$g/deb/${p}_"*.deb
		(cd "$g/deb" && i386 apt-get download "$p") >&2
		rm -rf "$g/pkg/$p.new"
		dpkg-deb -x "$g/deb/${p}_"*.deb "$g/pkg/$p.new"
		mv "$g/pkg/$p.new" "$g/pkg/$p"
		rm -f "$g/deb/${p}_"*.deb
		echo "fetched $p" >&2
	fi
	[ "$p" = "$wish" ] || ln -sfn "$p" "$g/pkg/$wish"
done
