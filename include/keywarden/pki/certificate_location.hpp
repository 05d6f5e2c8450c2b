/// @file
/// Where certificates are kept outside of databases: by location, and by what they are for.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

#include <keywarden/pki/fingerprint.hpp>

namespace keywarden::pki {

/// Whose certificates these are.
enum class location : std::uint8_t {
  user,     ///< of one user: for the processes of that user alone
  machine,  ///< of the machine: for the processes of every user; an administrator writes it
};

/// What the certificates of a store are for.
enum class store_name : std::uint8_t {
  personal,        ///< one's own, with their private keys ("My")
  trusted_roots,   ///< authorities that are believed ("Root")
  authorities,     ///< authorities below those, to build paths with; not believed ("CA")
  trusted_people,  ///< single certificates of others ("TrustedPeople")
};

/// Every store, in the order in which they are listed to people.
inline constexpr std::array all_stores{store_name::personal, store_name::trusted_roots,
                                       store_name::authorities, store_name::trusted_people};

/// The stable name, which is also the folder's.
[[nodiscard]] constexpr std::string_view name_of(store_name each) noexcept {
  switch (each) {
    case store_name::personal:
      return "personal";
    case store_name::trusted_roots:
      return "trusted_roots";
    case store_name::authorities:
      return "authorities";
    case store_name::trusted_people:
      return "trusted_people";
  }
  return "unknown";
}

/// What Windows calls the store (certutil, `-ss` of makecert).
[[nodiscard]] constexpr std::string_view windows_name_of(store_name each) noexcept {
  switch (each) {
    case store_name::personal:
      return "My";
    case store_name::trusted_roots:
      return "Root";
    case store_name::authorities:
      return "CA";
    case store_name::trusted_people:
      return "TrustedPeople";
  }
  return "unknown";
}

/// The store of either name; case counts.
[[nodiscard]] constexpr std::optional<store_name> store_of(std::string_view name) noexcept {
  for (const auto each : all_stores)
    if (name_of(each) == name || windows_name_of(each) == name) return each;
  return std::nullopt;
}

/// Where a location is unless it is put elsewhere: `$XDG_DATA_HOME/keywarden/certificates` or below
/// `~/.local/share` for a user, `/var/lib/keywarden/certificates` for the machine. Errors:
/// `not_found` when neither variable holds an absolute path.
[[nodiscard]] inline result<std::filesystem::path> default_path(location where) {
  if (where == location::machine) return std::filesystem::path("/var/lib/keywarden/certificates");
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return std::filesystem::path(data) / "keywarden/certificates";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::filesystem::path(home) / ".local/share/keywarden/certificates";
  return error(errc::not_found)
      .with(fact::kind, "the user's certificates")
      .with(fact::next_step, "set HOME or XDG_DATA_HOME to an absolute path");
}

/// That a person compared a root's fingerprint with its owner's, over another channel, and takes
/// the consequence: whoever holds its key can vouch for every name. It holds for the certificate of
/// this fingerprint and for no other. Write where the fingerprint came from beside its use.
class i_confirm_this_root_is_trusted {
 public:
  explicit constexpr i_confirm_this_root_is_trusted(const fingerprint& compared) noexcept
      : compared_(compared) {}
  /// The fingerprint that the person compared.
  [[nodiscard]] constexpr const fingerprint& compared() const noexcept { return compared_; }

 private:
  fingerprint compared_;
};

}  // namespace keywarden::pki
