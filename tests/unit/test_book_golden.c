#include "book/book.h"
#include "book/idmap.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* 28 seconds of a real stock, as plain commands, must execute line by line as the exchange says. */

#define ORDERS 16384u

struct replay {
	struct nmw_books *b;
	struct nmw_idmap *ids;
	FILE *execs;
	uint64_t seq, ts;
	unsigned line, fills, crossed, unknown;
};

static FILE *open_data(const char *name)
{
	const char *shared = getenv("NMW_SHARED");
	char path[512];
	snprintf(path, sizeof path, "%s/data/aapl-20190130/%s", shared ? shared : "../shared",
		 name);
	FILE *f = fopen(path, "r");
	if (!f)
		printf("%s: %s: the real capture is not here\n", path, strerror(errno));
	return f;
}

static void expect_fill(struct replay *r, uint64_t ref, const struct nmw_fill *f)
{
	char want[128], got[128];
	r->line++;
	ck_assert_msg(fgets(want, sizeof want, r->execs), "more fills than the %u of the feed",
		      r->line - 1);
	snprintf(got, sizeof got, "%llu %llu %llu %u %u 1\n", (unsigned long long)r->seq,
		 (unsigned long long)r->ts, (unsigned long long)ref, f->qty, f->px);
	ck_assert_msg(strcmp(got, want) == 0, "line %u: got %sexpected %s", r->line, got, want);
}

static uint32_t take(struct replay *r, uint32_t side, uint32_t px, uint32_t qty)
{
	struct nmw_taker t = {.side = side, .limit = px, .qty = qty};
	struct nmw_fill f[4];
	for (unsigned n = 4; n == 4; r->fills += n) {
		n = nmw_book_match(r->b, &t, f, 4);
		for (unsigned i = 0; i < n; i++) {
			expect_fill(r, nmw_idmap_id(r->ids, f[i].maker)->lo, &f[i]);
			if (f[i].maker_left)
				continue;
			nmw_idmap_del(r->ids, f[i].maker);
			nmw_book_free(r->b, f[i].maker);
		}
	}
	return t.qty;
}

static void add(struct replay *r, uint64_t ref, uint32_t side, uint32_t px, uint32_t qty,
		uint64_t rank)
{
	r->crossed += nmw_book_crosses(r->b, 0, side, px);
	uint32_t left = take(r, side, px, qty);
	nmw_oid id = left ? nmw_book_alloc(r->b) : 0;
	if (!id)
		return;
	nmw_book_rest(r->b, id, 0, side, px, left, rank, 0);
	nmw_idmap_put_at(r->ids, id, nmw_idmap_id(r->ids, id), ref, 0);
}

static void drop(struct replay *r, nmw_oid id)
{
	nmw_book_unlink(r->b, id);
	nmw_idmap_del(r->ids, id);
	nmw_book_free(r->b, id);
}

static void cancel(struct replay *r, uint64_t ref, uint32_t qty)
{
	nmw_oid id = nmw_idmap_find(r->ids, ref, 0);
	struct nmw_book_order o;
	r->unknown += !id;
	if (!id)
		return;
	nmw_book_order(r->b, id, &o);
	if (qty && qty < o.qty)
		nmw_book_reduce(r->b, id, o.qty - qty);
	else
		drop(r, id);
}

static void replace(struct replay *r, uint64_t old, uint64_t ref, uint32_t px, uint32_t qty,
		    uint64_t rank)
{
	nmw_oid id = nmw_idmap_find(r->ids, old, 0);
	struct nmw_book_order o;
	r->unknown += !id;
	if (!id)
		return;
	nmw_book_order(r->b, id, &o);
	drop(r, id);
	add(r, ref, o.side, px, qty, rank);
}

static void command(struct replay *r, const char *line)
{
	unsigned long long seq, ts, ref, other, rank;
	unsigned px, qty;
	char side;
	if (sscanf(line, "ADD %llu %llu %llu %c %u %u %llu", &seq, &ts, &ref, &side, &px, &qty,
		   &rank) == 7) {
		r->seq = seq, r->ts = ts;
		add(r, ref, side == 'S', px, qty, rank);
	} else if (sscanf(line, "CXL %llu %llu %llu %u", &seq, &ts, &ref, &qty) == 4) {
		r->seq = seq, r->ts = ts;
		cancel(r, ref, qty);
	} else if (sscanf(line, "RPL %llu %llu %llu %llu %u %u %llu", &seq, &ts, &ref, &other, &px,
			  &qty, &rank) == 7) {
		r->seq = seq, r->ts = ts;
		replace(r, ref, other, px, qty, rank);
	} else if (sscanf(line, "IOC %llu %llu %c %u %u", &seq, &ts, &side, &px, &qty) == 5) {
		r->seq = seq, r->ts = ts;
		take(r, side == 'S', px, qty);
	} else {
		ck_abort_msg("not a command: %s", line);
	}
}

static void replay_all(uint32_t window)
{
	struct nmw_books_spec spec = {.symbols = 1, .orders = ORDERS, .window = window};
	size_t books = nmw_books_footprint(&spec), ids = nmw_idmap_footprint(ORDERS);
	char *mem = aligned_alloc(64, (books + ids + 63) / 64 * 64), line[256];
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, books + ids);
	struct replay r = {.b = nmw_books_init(mem, &spec), .execs = open_data("golden.execs")};
	r.ids = nmw_idmap_init(mem + books, ORDERS, nmw_book_user(r.b, 0), NMW_BOOK_STRIDE);
	FILE *cmds = open_data("golden.cmds");
	ck_assert(cmds && r.execs);
	while (fgets(line, sizeof line, cmds))
		command(&r, line);
	ck_assert_msg(!fgets(line, sizeof line, r.execs), "not executed: %s", line);
	struct nmw_books_stat st;
	nmw_books_stat(r.b, &st);
	ck_assert_msg(nmw_books_check(r.b, line, sizeof line) == 0, "%s", line);
	printf("window %u: %u of 746 executions, %llu orders, %llu levels, %llu far\n", r.b->window,
	       r.fills, (unsigned long long)st.live, (unsigned long long)st.levels,
	       (unsigned long long)st.far_levels);
	ck_assert_uint_eq(r.fills, 746);
	ck_assert_uint_eq(r.crossed, 0);
	ck_assert_uint_eq(r.unknown, 0);
	ck_assert_uint_eq(st.live, 5805);
	fclose(cmds);
	fclose(r.execs);
	free(mem);
}

START_TEST(default_window)
{
	replay_all(0);
}
END_TEST

START_TEST(smallest_window)
{
	replay_all(64);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {default_window, smallest_window};
	FILE *f = open_data("golden.cmds");
	if (!f)
		return 77;
	fclose(f);
	return unit_run("book golden", tests, sizeof tests / sizeof tests[0]);
}
