/// @file
/// What commands share that work on files alone, without a vault.
#pragma once

#include <string>
#include <string_view>

#include <keywarden/vault/password_policy.hpp>

#include "answer.hpp"

namespace cli {

namespace options {
inline constexpr option overwrite{
    "overwrite", option::kind::flag, {}, "replace the output if it exists"};
}  // namespace options

/// An option's value. Errors: `invalid_argument` when it was not given.
[[nodiscard]] keywarden::result<std::string> required(const context& at,
                                                      std::string_view option_name);

/// The rules for new passwords on this machine.
[[nodiscard]] keywarden::password_policy password_rules();

/// An answer that is only a sentence, or the error.
[[nodiscard]] keywarden::result<answer> said(const keywarden::result<void>& done, std::string text);

}  // namespace cli
