# Prints the tables of man/nmw-stat.1 from libcommon/stat/metrics.def:
#   awk -f man/metrics.awk libcommon/stat/metrics.def
function head(title) { print ".Ss " title; print ".Bl -tag -width tcp_retransmits -compact" }
function row(line, kind, name, help, unit) {
	name = line; sub(/^[A-Z_]*\(/, "", name); sub(/,.*/, "", name)
	help = line; sub(/^[^"]*"/, "", help); sub(/"\)$/, "", help)
	unit = line; sub(/^[^,]*, */, "", unit); sub(/,.*/, "", unit)
	gsub(/-/, "\\-", help)
	print ".It Va " name
	print help (kind == "NMW_GAUGE" ? " (gauge, " unit ")" : kind == "NMW_COUNTER" ? " (" unit ")" : "")
}
function table(kind, title, i) {
	head(title)
	for (i = 1; i <= n; i++)
		if (index(line[i], kind "(") == 1) row(line[i], kind)
	print ".El"
}
/^NMW_(COUNTER|GAUGE|DROP|HIST)\(/ { line[++n] = $0 }
END {
	table("NMW_COUNTER", "Counters")
	table("NMW_GAUGE", "Gauges")
	table("NMW_DROP", "Reasons for which a message is dropped")
	table("NMW_HIST", "Histograms")
}
