"""Building `dpdk_apps` on hosts; parameters rendered to argv; planning of cores."""
