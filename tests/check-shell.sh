#!/bin/sh
# check-shell.sh [ROOT]: shellcheck over every shell script of the tree: *.sh, and what
# says #!/bin/sh.
set -eu
cd "${1:-$(dirname "$0")/..}"
command -v shellcheck > /dev/null || { echo "check-shell.sh: missing: shellcheck" >&2; exit 1; }
scripts=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | while read -r file; do
	case $file in
	*.sh) echo "$file" ;;
	*) if head -c 9 "$file" | grep -qa '^#!/bin/sh'; then echo "$file"; fi ;;
	esac
done)
# shellcheck disable=SC2086 # a list of words
shellcheck -s sh $scripts
echo "$(echo "$scripts" | wc -l) scripts"
