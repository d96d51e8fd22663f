// Who may do what: passwords, sessions, tokens, one-time codes, directories, roles, lock-outs. A header for each noun; this
// one is for those who want them all. Pure but for time and randomness, which the caller gives; what is slow is argon2id
// (password.h, some 30 ms) and a directory that is asked over the network (ldap.h, seconds).
#pragma once

#include "access/ldap.h"
#include "access/lockout.h"
#include "access/password.h"
#include "access/rate_limiter.h"
#include "access/role.h"
#include "access/sessions.h"
#include "access/token.h"
#include "access/totp.h"
