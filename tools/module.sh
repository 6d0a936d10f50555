#!/bin/sh
# Gives the module another path: in every go.mod, every import, and every text that
# names a package. Usage: make module PATH=github.com/you/racelab
set -eu
PATH=/usr/bin:/bin:/usr/local/bin
export PATH LC_ALL=C
cd "$(dirname "$0")/.."

new=$1
old=$(sed -n 's/^module //p' go.mod)
case $new in
'' | *[!a-zA-Z0-9._~/-]* | /* | */ | *//*)
	echo "PATH=$new is no module path; want one such as github.com/you/racelab" >&2
	exit 2
	;;
esac

# A path of the module is OLD, or OLD/ and one of its folders; what stands before it
# is no part of a longer path.
folders=$(find . -mindepth 1 -maxdepth 1 -type d ! -name '.*' | sed 's|^\./||' | sort | tr '\n' '|' | sed 's/|$//')
escaped=$(printf '%s' "$old" | sed 's|[.~]|\\&|g')
find . -type f ! -path './.git/*' \( -name '*.go' -o -name '*.ipynb' -o -name '*.md' -o -name '*.golden' -o -name '*.txt' -o -name go.mod -o -name '*.yml' -o -name '*.yaml' \) |
	sort | while IFS= read -r file; do
	case $file in
	*/go.mod) sed -E "s#^(module |require |replace |[[:space:]]+)$escaped( |/|\$)#\1$new\2#" "$file" >"$file.new" ;;
	*) sed -E "s#(^|[^A-Za-z0-9._/~-])$escaped/($folders)([^A-Za-z0-9_-]|\$)#\1$new/\2\3#g; s#\"$escaped(/|\")#\"$new\1#g; s#^(require|replace) $escaped #\1 $new #" "$file" >"$file.new" ;;
	esac
	if cmp -s "$file" "$file.new"; then rm "$file.new"; else cat "$file.new" >"$file" && rm "$file.new"; fi
done

# The planted cases of the rules lie where their import paths say.
cases=tools/rules/testdata/src
if [ -d "$cases/$old" ] && [ "$old" != "$new" ]; then
	mkdir -p "$(dirname "$cases/$new")"
	mv "$cases/$old" "$cases/$new"
	find "$cases" -type d -empty -delete
fi
echo "the module is $new; go build ./... and go vet ./... say whether all is well"
