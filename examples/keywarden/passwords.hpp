/// @file
/// Where passwords come from: a prompt, a file or a file descriptor.
#pragma once

#include <keywarden/core/secret.hpp>

#include "arguments.hpp"

namespace cli {

/// Whether there is a terminal to ask at.
[[nodiscard]] bool can_ask();

/// A secret line, for one of the command's password options: from the file or descriptor that was
/// given, or asked for without echo (twice when it is a new one). At most 1,024 bytes, without the
/// end of the line. Errors: `secret_required` when there is nobody to ask, `secret_unavailable`,
/// `password_refused`.
[[nodiscard]] keywarden::result<keywarden::plaintext> read_secret(const invocation& call,
                                                                  std::string_view name);

/// The same, as a password.
[[nodiscard]] keywarden::result<keywarden::password> read_password(const invocation& call,
                                                                   std::string_view name);

}  // namespace cli
