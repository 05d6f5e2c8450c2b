/// @file
/// Changing a service's configuration file: whole, validated, and one change at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/config/edit.hpp>
#include <keywarden/pki/thumbprint.hpp>

#include "basics.hpp"

namespace cli {

namespace options {
inline constexpr option in_role{"role", option::kind::value, "ROLE",
                                "in this role only, or added to it"};
inline constexpr option thumbprint_algorithm{
    "algorithm", option::kind::value, "HASH",
    "of a certificate's file: sha256 (the default) or sha1"};
}  // namespace options

/// "1 error", "2 errors".
[[nodiscard]] std::string counted(std::size_t count, std::string_view what);

/// How many errors and warnings.
[[nodiscard]] std::string summary(const keywarden::config::finding_list& all);

/// What a change makes of a text, and what to say about it.
struct changed {
  keywarden::plaintext text;
  std::string said;
};
using change =
    std::function<keywarden::result<changed>(std::string_view text, const std::string& path)>;

/// Reads the file that the first operand names, changes it, and replaces it as a whole; refused, it
/// stays as it was. Other programs of this kind wait meanwhile. Errors: those of the change;
/// `not_found`, `io_failed`.
[[nodiscard]] keywarden::result<answer> in_file(const context& at, const change& make);

/// The end of a change. Errors: `configuration_invalid` when it made something wrong.
[[nodiscard]] keywarden::result<changed> finished(const keywarden::config::edit& from,
                                                  const std::string& path, std::string said);

/// `--role`, or an empty text.
[[nodiscard]] std::string role_of(const context& at);

/// "1 invisible character, 19 spaces", or nothing.
[[nodiscard]] std::string dropped_text(const keywarden::pki::dropped_characters& dropped);

/// As a configuration has them: commas between.
[[nodiscard]] std::string list_text(const std::vector<keywarden::pki::thumbprint>& all);

}  // namespace cli
