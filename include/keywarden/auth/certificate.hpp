/// @file
/// Authentication with certificates: both ends show one.
#pragma once

#include <keywarden/auth/certificate_chain.hpp>
#include <keywarden/auth/certificate_pinned.hpp>
