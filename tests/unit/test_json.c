/* A document is whole or it is not printed. */
#include "base/json.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char text[256];

static int print(struct nmw_json *doc)
{
	memset(text, 0, sizeof text);
	FILE *f = fmemopen(text, sizeof text, "w");
	int rc = nmw_json_print(doc, f, 0);
	fclose(f);
	return rc;
}

START_TEST(whole)
{
	struct nmw_json *doc = nmw_json_object();
	nmw_json_set(doc, "id", nmw_json_id(UINT64_MAX));
	nmw_json_add(nmw_json_set(doc, "list", nmw_json_array()), nmw_json_num(7));
	ck_assert_int_eq(print(doc), 0);
	ck_assert_str_eq(text, "{\"id\":\"18446744073709551615\",\"list\":[7]}\n");
}
END_TEST

/* A builder that ran out of memory gives NULL: nothing is printed without that part. */
START_TEST(part_is_missing)
{
	struct nmw_json *doc = nmw_json_object();
	nmw_json_set(doc, "kept", nmw_json_bool(true));
	nmw_json_set(doc, "lost", NULL);
	ck_assert_int_eq(print(doc), -ENOMEM);
	ck_assert_str_eq(text, "");
	doc = nmw_json_object();
	nmw_json_add(nmw_json_set(doc, "list", nmw_json_array()), NULL);
	ck_assert_int_eq(print(doc), -ENOMEM);
	ck_assert_int_eq(print(NULL), -ENOMEM);
	ck_assert_int_eq(print(nmw_json_null()), 0); /* the next one is whole again */
	ck_assert_str_eq(text, "null\n");
}
END_TEST

UNIT_MAIN("json", whole, part_is_missing)
