/// @file
/// Opening what a command works on: the vault, a database, the keys that need a password.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "basics.hpp"
#include "composition.hpp"
#include "passwords.hpp"

namespace cli {

/// The options that commands share.
namespace options {
inline constexpr option backup_to{"output", option::kind::value, "FILE", "where the backup goes"};
inline constexpr option backup_from{"input", option::kind::value, "FILE", "the backup"};
inline constexpr option master_key_password{
    "dmk-password", option::kind::password, "the database master key",
    "needed only where the service master key does not open it automatically"};
inline constexpr option key_password{"key-password", option::kind::password, "the key itself",
                                     "needed only where nothing else opens it; one that is given "
                                     "and does not fit is refused"};
inline constexpr option backup_password{
    "backup-password", option::kind::password, "the backup", {}};
inline constexpr option new_backup_password{
    "backup-password", option::kind::new_password, "the backup", {}};
inline constexpr option force{"force",
                              option::kind::flag,
                              {},
                              "go on although something would be lost: shows the plan first"};
inline constexpr option accept_losses{"accept-losses", option::kind::value, "N",
                                      "with --force: exactly as many losses as the plan lists"};
}  // namespace options

/// The protector that the options ask for; `prefix` "" or "new-".
[[nodiscard]] production::service_key protector_of(const invocation& call,
                                                   const std::string& prefix = {});

/// The store that --store names. Errors: `invalid_argument` without one; as `open_place`.
[[nodiscard]] keywarden::result<production::store> open_records(const context& at, bool may_create);

/// Notes what was repaired when a vault was opened, to tell.
void remember_repairs(context& at, const vault& opened);

/// The store that `place` names. Errors: `io_failed` when there is none and it is not to be made;
/// as `store::open_store`.
[[nodiscard]] keywarden::result<production::store> open_place(std::string_view place,
                                                              bool may_create);
/// Refuses a place with a password in it: other accounts see a program's arguments. Errors:
/// `invalid_argument`.
[[nodiscard]] keywarden::result<void> no_password_in(std::string_view place);

/// The vault; tells what was repaired. Errors: as `vault::open`.
[[nodiscard]] keywarden::result<vault> open_vault(context& at);

/// The vault, if need be only to replace a service master key that cannot be opened. Errors: those
/// of the store.
[[nodiscard]] keywarden::result<vault> open_vault_or_recover(context& at);

using with_database = std::function<keywarden::result<answer>(database&)>;
using with_key =
    std::function<keywarden::result<answer>(database&, const keywarden::password* key_password)>;

/// Opens the vault and the database that the first operand names.
[[nodiscard]] keywarden::result<answer> in_database(context& at, const with_database& use);

/// The same, with the database master key open and the key's own password at hand where either is
/// needed: from the options that were given, or asked for once `use` was refused for want of it.
[[nodiscard]] keywarden::result<answer> with_keys(context& at, const with_key& use);

/// The same in the master database, where the endpoint and its principals live; refusals name the
/// next step as a command.
[[nodiscard]] keywarden::result<answer> in_master(context& at, const with_database& use);

/// Refuses a password of the key's own that was given by an option and does not open the key:
/// where something else does, it would be ignored. Errors: `no_slot_opened`, as
/// `symmetric_keys::check_password`.
[[nodiscard]] keywarden::result<void> given_password_fits(const context& at, database& in,
                                                          const keywarden::object_name& key,
                                                          const keywarden::password* own);

/// Carries out a forced operation: shows what it would lose, and goes on only when exactly that was
/// accepted. Errors: `would_lose`; those of planning and executing.
[[nodiscard]] keywarden::result<answer> force(
    context& at, keywarden::result<keywarden::loss_plan> plan,
    const std::function<keywarden::result<answer>(keywarden::loss_plan)>& execute);

/// The names as rows of a table.
[[nodiscard]] keywarden::result<answer> listed(
    const keywarden::result<std::vector<std::string>>& names, std::string_view what);

/// The operand as an object's name. Errors: `invalid_name`.
[[nodiscard]] keywarden::result<keywarden::object_name> name_operand(const context& at,
                                                                     std::size_t index);

}  // namespace cli
