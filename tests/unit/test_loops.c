// SPDX-License-Identifier: GPL-2.0-only
/* Lists of a crashed kernel that go in circles, wherever they come back to: found out, soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../fuzz/fake_memory.h"

#define NODES (FAKE_BASE + 8 * DUMP_PAGE_SIZE)
#define STEP 32

static uint64_t node(unsigned index)
{
	return NODES + (uint64_t)index * STEP;
}

static struct error *count(void *data, uint64_t object)
{
	(void)object;
	++*(unsigned *)data;
	return NULL;
}

/* @length nodes behind the head; the last leads to @last. */
static struct error *walk(struct fake *fake, unsigned length, uint64_t last, unsigned *visits)
{
	const uint64_t head = NODES - STEP;

	*visits = 0;
	for (unsigned i = 0; i <= length; i++)
		fake_put(fake, node(i) - STEP, i == length ? last : node(i), 8);
	return walk_list(fake->kernel, head, 0, count, visits);
}

static void test_a_list_ends_at_its_head(void **state)
{
	struct fake *fake = *state;
	unsigned visits;

	for (unsigned length = 0; length < 70; length++) {
		assert_null(walk(fake, length, NODES - STEP, &visits));
		assert_int_equal(visits, length);
	}
}

static void test_circles(void **state)
{
	struct fake *fake = *state;

	for (unsigned length = 1; length < 70; length++) {
		for (unsigned back = 0; back < length; back++) {
			unsigned visits;
			struct error *err = walk(fake, length, node(back), &visits);

			assert_true(error_is(err, ERROR_FORMAT));
			assert_non_null(strstr(err->message, "does not end"));
			assert_true(visits < 4 * length + 4);
			error_free(err);
		}
	}
}

static void test_a_list_that_leads_nowhere(void **state)
{
	struct fake *fake = *state;
	unsigned visits;
	struct error *err = walk(fake, 3, 0, &visits);

	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
	err = walk(fake, 3, FAKE_BASE + FAKE_SIZE, &visits);
	assert_non_null(err);
	error_free(err);
}

/* The list of modules: with it in circles nothing can be said at all. */
static void test_modules(void **state)
{
	struct fake fake;

	(void)state;
	fake_init(&fake);
	fake_put(&fake, fake_symbol("modules"), node(0), 8);
	struct error *err = fake_open(&fake);

	assert_true(error_is(err, ERROR_FORMAT));
	assert_non_null(strstr(err->message, "list of modules"));
	error_free(err);
	fake_deinit(&fake);
}

static int setup(void **state)
{
	static struct fake fake;

	fake_init(&fake);
	*state = &fake;
	return fake_open(&fake) != NULL;
}

static int teardown(void **state)
{
	fake_deinit(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_ends_at_its_head),
		cmocka_unit_test(test_circles),
		cmocka_unit_test(test_a_list_that_leads_nowhere),
		cmocka_unit_test(test_modules),
	};

	return cmocka_run_group_tests_name("loops", tests, setup, teardown);
}
