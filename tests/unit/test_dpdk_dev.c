/* What stands behind dpdk: on a command line. */
#include "dpdk/dpdk.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct nmw_dpdk_dev d;
static struct nmw_err e;

START_TEST(words_of_ours_and_of_the_driver)
{
	struct nmw_dpdk_word w[] = {{.key = "fill"}};
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_af_xdp0,iface=eth0,queues=4,addr=10.0.0.1/24:5000,"
					    "gateway=10.0.0.254,force_copy=1,fill=0a,vlan=5",
					    w, 1, &d, &e),
			 0);
	ck_assert_str_eq(d.name, "net_af_xdp0");
	ck_assert_str_eq(d.args, "net_af_xdp0,iface=eth0,force_copy=1,queue_count=4");
	ck_assert_uint_eq(d.queues, 4);
	ck_assert_uint_eq(d.bits, 24);
	ck_assert_uint_eq(d.addr.port, 5000);
	ck_assert_uint_eq(d.gateway.addr[3], 254);
	ck_assert_uint_eq(d.vlan, 5);
	ck_assert_uint_eq(d.mtu, 1500);
	ck_assert_str_eq(w[0].value, "0a");
	ck_assert(!d.pci);
	ck_assert(!d.mute);
	w[0].value[0] = 0;
	ck_assert_int_lt(nmw_dpdk_dev_parse("net_null0,fill=0a,fill=0b", w, 1, &d, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "fill=0b: given twice"));
}
END_TEST

START_TEST(cards_and_addresses)
{
	ck_assert_int_eq(nmw_dpdk_dev_parse("3b:00.0", NULL, 0, &d, &e), 0);
	ck_assert(d.pci);
	ck_assert_str_eq(d.name, "0000:3b:00.0");
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_null0,addr=[fd00::1]/64:1", NULL, 0, &d, &e), 0);
	ck_assert_uint_eq(d.addr.family, 6);
	ck_assert_uint_eq(d.bits, 64);
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_null0,addr=10.0.0.1", NULL, 0, &d, &e), 0);
	ck_assert_uint_eq(d.addr.port, 0);
	ck_assert_uint_eq(d.bits, 32);
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_null0,group=239.1.1.1:1,group=239.1.1.2:1", NULL,
					    0, &d, &e),
			 0);
	ck_assert_uint_eq(d.groups, 2);
	static const char *const good[] = {
		"net_null0,addr=10.0.0.0/31,gateway=10.0.0.1", "net_null0,addr=10.0.0.255/16",
		"net_null0,addr=10.0.0.255", "net_null0,addr=10.0.0.1,gateway=10.1.0.1",
		"net_null0,addr=[fd00::1]/64,gateway=[fe80::1]"};
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(nmw_dpdk_dev_parse(good[i], NULL, 0, &d, &e) == 0, "%s", good[i]);
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_null0,answer=off", NULL, 0, &d, &e), 0);
	ck_assert(d.mute);
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = {
		"",
		",x=1",
		"net_null0,",
		"net null",
		"net_null0,queues=0",
		"net_null0,queues=17",
		"net_null0,queues=2x",
		"net_null0,addr=10.0.0.1/33",
		"net_null0,addr=10.0.0.1/:5",
		"net_null0,addr=239.1.1.1:5",
		"net_null0,addr=0.0.0.0:5",
		"net_null0,addr=[::]/64:5",
		"net_null0,addr=255.255.255.255",
		"net_null0,addr=10.0.0.0/24",
		"net_null0,addr=10.0.0.255/24",
		"net_null0,addr=10.0.0.1/24,gateway=10.0.0.1",
		"net_null0,addr=10.0.0.1/24,gateway=10.0.0.255",
		"net_null0,addr=10.0.0.1/24,gateway=10.0.1.1",
		"net_null0,addr=10.0.0.1/24,gateway=0.0.0.0",
		"net_null0,addr=[fd00::1]/64,gateway=[fd01::1]",
		"net_null0,addr=[fd00::1]/64,gateway=[fec0::1]",
		"net_null0,addr=",
		"net_null0,group=10.0.0.1:5",
		"net_null0,group=239.1.1.1",
		"net_null0,gateway=10.0.0.1",
		"net_null0,mtu=100",
		"net_null0,vlan=4095",
		"net_null0,answer=maybe",
		"net_null0,answer=off,answer=off",
		"net_null0,mtu=1500,mtu=1500",
		"net_null0,queues=1,desc=64,queues=1",
		"net_null0,addr=10.0.0.1/24,gateway=10.0.0.2,gateway=10.0.0.3",
	};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		e = (struct nmw_err)NMW_ERR_INIT;
		ck_assert_msg(nmw_dpdk_dev_parse(bad[i], NULL, 0, &d, &e) < 0, "%s", bad[i]);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
		ck_assert_msg(*e.msg, "%s: no message", bad[i]);
	}
}
END_TEST

/* What the check says of a socket in `dir`, in a mode. */
static int in_dir(const char *dir, mode_t mode, bool *anybody)
{
	char text[NMW_DPDK_ARGS];
	ck_assert_int_eq(chmod(dir, mode), 0);
	snprintf(text, sizeof text, "net_memif3,socket-abstract=no,socket=%.300s/s,role=server",
		 dir);
	ck_assert_int_eq(nmw_dpdk_dev_parse(text, NULL, 0, &d, &e), 0);
	return nmw_dpdk_memif_check(&d, anybody, &e);
}

START_TEST(who_may_share_memory)
{
	char dir[UNIT_PATH];
	bool anybody = true;
	unit_path(dir, "memif");
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(in_dir(dir, 0700, &anybody), 0);
	ck_assert(!anybody);
	ck_assert_int_eq(in_dir(dir, 0755, &anybody), 0);
	ck_assert_int_eq(in_dir(dir, 0770, &anybody), -EPERM);
	ck_assert_int_eq(in_dir(dir, 01777, &anybody), -EPERM);
	ck_assert_int_eq(e.exit, NMW_EXIT_PERM);
	ck_assert_msg(strstr(e.msg, "mode 1777") && strstr(e.msg, dir), "%s", e.msg);
	rmdir(dir);
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_memif0,socket=/tmp/s", NULL, 0, &d, &e), 0);
	ck_assert_int_eq(nmw_dpdk_memif_check(&d, &anybody, &e), 0);
	ck_assert(anybody);
	ck_assert_int_eq(nmw_dpdk_dev_parse("net_null0", NULL, 0, &d, &e), 0);
	ck_assert_int_eq(nmw_dpdk_memif_check(&d, &anybody, &e), 0);
	ck_assert(!anybody);
}
END_TEST

UNIT_MAIN("dpdk_dev", words_of_ours_and_of_the_driver, cards_and_addresses, refused,
	  who_may_share_memory)
