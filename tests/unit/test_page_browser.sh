#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The report's page in a real browser, where there is one: it is drawn, light and dark, it prints,
# and what a machine under test wrote is text in it.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
	skip "the page in a browser" "no chromium"
	plan
	exit 0
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# browse ARGUMENT...: the browser on the page, which may not take longer than a minute
browse()
{
	timeout 60 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars \
		--user-data-dir="$work/profile" --window-size=1200,2000 "$@" "file://$work/page.html"
}

# picture NAME [ARGUMENT...]: a screenshot that is no empty page
picture()
{
	name=$1
	shift
	browse --screenshot="$work/$name.png" "$@" 2>>"$work/log" &&
		[ "$(stat -c %s "$work/$name.png")" -gt 30000 ]
}

CRASHLAB_TEST_PAGE=$work/page.html build/san/tests/test_lab_report >/dev/null 2>&1
check "there is a page" [ -s "$work/page.html" ]
check "it is drawn" picture light
check "and in the dark" picture dark --force-dark-mode --blink-settings=preferredColorScheme=0
check "in other colours" status 1 cmp -s "$work/light.png" "$work/dark.png"
check "it prints" browse --no-pdf-header-footer --print-to-pdf="$work/page.pdf" 2>>"$work/log"
check "to several pages" [ "$(grep -ac '/Type /Page$' "$work/page.pdf")" -ge 2 ]
browse --dump-dom >"$work/dom" 2>>"$work/log"
check "the browser has the whole of it" grep -q '</footer>' "$work/dom"
check "and no element that a guest wrote" status 1 grep -Eq '<(img|script)' "$work/dom"
check "the timeline is a picture" grep -q '<h3>Timeline</h3>' "$work/dom"

plan
