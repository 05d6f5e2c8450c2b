/// @file
/// Which passwords are good enough to protect a key or a backup.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace keywarden {

/// The rules for new passwords, those of SQL Server's CHECK_POLICY: 8 to 128 characters; three of
/// the four classes A-Z, a-z, 0-9 and all others; none of the names that are given, and none of the
/// usual first guesses.
///
/// Only passwords that protect something new are checked; one that opens something old is never
/// refused. A plain value; any thread.
class password_policy {
 public:
  /// The fewest characters.
  static constexpr std::size_t least = 8;
  /// The most characters.
  static constexpr std::size_t most = 128;

  password_policy() = default;

  /// With names that a password must not contain: the account's, the computer's. Names under 3
  /// characters are ignored.
  explicit password_policy(std::vector<std::string> names) : names_(std::move(names)) {}

  /// Errors: `password_refused`, with the rule. The error never repeats any part of the password.
  [[nodiscard]] result<void> check(const password& candidate) const {
    const auto data = detail::view_of(candidate);
    // Characters, not bytes: a UTF-8 continuation byte does not count.
    const auto characters = static_cast<std::size_t>(
        std::ranges::count_if(data, [](std::uint8_t byte) { return (byte & 0xC0U) != 0x80U; }));
    if (characters < least || characters > most) return refuse("8 to 128 characters");
    std::array<bool, 4> classes{};
    for (const auto byte : data) {
      const int each = byte;
      classes[std::isupper(each) != 0 && each < 128   ? 0U
              : std::islower(each) != 0 && each < 128 ? 1U
              : std::isdigit(each) != 0 && each < 128 ? 2U
                                                      : 3U] = true;
    }
    if (std::ranges::count(classes, true) < 3) return refuse("three of: A-Z, a-z, 0-9, others");
    for (const std::string_view name : names_)
      if (name.size() >= 3 && contains(data, name))
        return refuse("not the name of the account or the computer");
    for (const std::string_view guess : {"password", "admin", "administrator", "sa", "sysadmin"})
      if (data.size() == guess.size() && contains(data, guess))
        return refuse("not one of the usual first guesses");
    return done();
  }

 private:
  // Without a lower-cased copy of the password.
  [[nodiscard]] static bool contains(bytes_view data, std::string_view name) {
    return !std::ranges::search(data, name, [](std::uint8_t left, char right) {
              return std::tolower(left) == std::tolower(static_cast<unsigned char>(right));
            }).empty();
  }
  [[nodiscard]] static error refuse(std::string_view rule) {
    return error(errc::password_refused)
        .with(fact::reason, rule)
        .with(fact::next_step, "choose another password");
  }

  std::vector<std::string> names_;
};

}  // namespace keywarden
