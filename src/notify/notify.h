// Alerts on their way out: e-mail, webhook, syslog, SNMP trap. And the rules that raise them, which are pure.
#pragma once

#include "notify/alert_machine.h"
#include "notify/alert_rule.h"
#include "notify/channel.h"
#include "notify/metric.h"
#include "notify/notice.h"
