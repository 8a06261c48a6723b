// SPDX-License-Identifier: GPL-2.0-only
#include "lab/html.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the character at @text when it is UTF-8 and a character of XML 1.0, else 0. */
static unsigned character(const unsigned char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned length = text[0] < 0x80       ? 1
			  : text[0] >> 5 == 6  ? 2
			  : text[0] >> 4 == 14 ? 3
			  : text[0] >> 3 == 30 ? 4
					       : 0;
	uint32_t code = length == 1 ? text[0] : text[0] & (0x7f >> length);

	for (unsigned i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	bool surrogate = code >= 0xd800 && code < 0xe000;
	bool control = (code < 0x20 && code != '\t' && code != '\n') || code == 0x7f ||
		       (code >= 0x80 && code < 0xa0);
	if (!length || code < least[length] || code > 0x10ffff || surrogate || control ||
	    (code & 0xfffe) == 0xfffe)
		return 0;
	return length;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void put_text(FILE *out, const char *text)
{
	while (text && *text) {
		unsigned length = character((const unsigned char *)text);
		const char *replaced = length ? entity(*text) : REPLACEMENT;
		if (replaced)
			fputs(replaced, out);
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
}

/* Print one conversion, "%…" of @length characters. */
static void put_conversion(FILE *out, const char *conversion, size_t length, va_list *args)
{
	char copy[16];

	if (length >= sizeof(copy))
		abort();
	memcpy(copy, conversion, length);
	copy[length] = '\0';
	switch (copy[length - 1]) {
	case '%':
		fputc('%', out);
		break;
	case 's':
		put_text(out, va_arg(*args, const char *));
		break;
	case 'f':
		fprintf(out, copy, va_arg(*args, double));
		break;
	case 'd':
		if (strstr(copy, "ll"))
			fprintf(out, copy, va_arg(*args, long long));
		else
			fprintf(out, copy, va_arg(*args, int));
		break;
	case 'u':
		if (strchr(copy, 'z'))
			fprintf(out, copy, va_arg(*args, size_t));
		else
			fprintf(out, copy, va_arg(*args, unsigned));
		break;
	default:
		abort();
	}
}

void html(FILE *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	while (*format) {
		size_t plain = strcspn(format, "%");
		fwrite(format, 1, plain, out);
		format += plain;
		if (!*format)
			break;
		size_t length = 1 + strspn(format + 1, "0123456789.-+lz") + 1;
		put_conversion(out, format, length, &args);
		format += length;
	}
	va_end(args);
}
