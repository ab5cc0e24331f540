/* nmw-match: matches the orders of its input rings; replies and market data go out on one ring. */
#include "match/match.h"

#include <stddef.h>

int main(int argc, char **argv)
{
	static struct nmw_match m;
	static const char *const examples[] = {
		"nmw-recv pcap:day.pcap | nmw-match --symbols symbols.json | nmw-send jsonl:-",
		"nmw-recv itch:feed.itch | nmw-match --codec itch50 --check | nmw-send null:",
		NULL};
	static const struct nmw_match_tool tool = {
		.name = "nmw-match",
		.command = "nmw-match",
		.summary = "Matches orders by price and time; replies and market data go out.",
		.examples = examples,
		.backends = "ouch42 ouch50 itch50"};
	return nmw_match_main(&m, &tool, argc, argv);
}
