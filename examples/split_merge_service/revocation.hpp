/// @file
/// Where revocation lists come from.
#pragma once

#include <memory>

#include <keywarden/pki/revocation_refresher.hpp>

#include "options.hpp"

namespace split_merge {

/// Offline: loads the list from the file that the options name; else nothing. Errors: throws
/// `keywarden::refused`, and the lists are as they were.
void load_revocation(const options& asked, const keywarden::pki::revocation::configured& lists,
                     const keywarden::pki::certificate& authority);

/// Loads the list that the options name: Offline, once; Online, now and again until what is
/// returned is gone. NoCheck: nothing. Errors: throws `keywarden::refused`; an Online list that
/// cannot be fetched is tried again, and meanwhile nobody gets in.
[[nodiscard]] std::unique_ptr<keywarden::pki::revocation_refresher> follow_revocation(
    const options& asked, const keywarden::pki::revocation::configured& lists,
    const keywarden::pki::certificate& authority);

}  // namespace split_merge
