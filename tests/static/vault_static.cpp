// The concept vault_policy, what the handles of a vault promise, and the design's one screen.
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/store/file.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/store/sqlite.hpp>
#include <keywarden/vault/vault.hpp>

namespace keywarden {
namespace vault_static {

using protect::account;
using protect::all_of;
using protect::any_of;
using protect::machine;
using protect::self_healing;
using protect::service_master_key;
using person = protect::password<crypto::argon2id<>>;

// The archetype: the design's one screen, over every store.
//[vault_policy
template <store::record_store Store>
struct over {
  using cipher = crypto::aes256_gcm;
  using service_key = self_healing<any_of<account, machine>>;
  using database_key = any_of<service_master_key, person>;
  using store = Store;
};
using production = over<store::sqlite>;
static_assert(vault_policy<production>);
//]
static_assert(vault_policy<over<store::file<>>>);
static_assert(vault_policy<over<store::memory>>);
static_assert(survives<production::service_key, loss::account>);
static_assert(survives<production::service_key, loss::machine>);
static_assert(!survives<production::service_key, loss::account, loss::machine>);
static_assert(survives<production::database_key, loss::parent_key>);
static_assert(!survives<production::database_key, loss::parent_key, loss::password>);

// Other ciphers, hashing and ways in.
struct other_cipher : production {
  using cipher = crypto::chacha20_poly1305;
};
struct misuse_resistant : production {
  using cipher = crypto::aes256_gcm_siv;
};
struct other_hashing : production {
  using database_key = any_of<service_master_key, protect::password<crypto::pbkdf2_sha256<>>>;
};
struct three_ways_in : production {
  using service_key = self_healing<any_of<account, machine, protect::recipient<>>>;
};
struct migrating : production {
  using accepts =
      protect::accepts_from<self_healing<any_of<account, protect::recipient<crypto::dhkem_p256>>>>;
};
static_assert(vault_policy<other_cipher> && vault_policy<misuse_resistant> &&
              vault_policy<other_hashing>);
static_assert(vault_policy<three_ways_in> && vault_policy<migrating>);

// One near-miss for each requirement.
struct without_cipher {
  using service_key = production::service_key;
  using database_key = production::database_key;
  using store = store::memory;
};
struct without_service_key {
  using cipher = crypto::aes256_gcm;
  using database_key = production::database_key;
  using store = store::memory;
};
struct without_database_key {
  using cipher = crypto::aes256_gcm;
  using service_key = production::service_key;
  using store = store::memory;
};
struct without_store {
  using cipher = crypto::aes256_gcm;
  using service_key = production::service_key;
  using database_key = production::database_key;
};
static_assert(!vault_policy<without_cipher> && !vault_policy<without_service_key>);
static_assert(!vault_policy<without_database_key> && !vault_policy<without_store>);
static_assert(!vault_policy<void> && !vault_policy<int>);

struct cipher_that_hashes : production {
  using cipher = crypto::argon2id<>;
};
struct service_key_that_does_not_heal : production {
  using service_key = any_of<account, machine>;
};
struct service_key_of_one : production {
  using service_key = account;
};
struct service_key_of_all : production {
  using service_key = all_of<account, machine>;
};
struct service_key_that_is_none : production {
  using service_key = int;
};
struct database_key_without_password : production {
  using database_key = any_of<service_master_key>;
};
struct database_key_without_service_key : production {
  using database_key = person;
};
struct database_key_of_both : production {
  using database_key = all_of<service_master_key, person>;
};
struct database_key_under_another_parent : production {
  using database_key = any_of<protect::symmetric_key, person>;
};
struct store_that_is_none : production {
  using store = int;
};
static_assert(!vault_policy<cipher_that_hashes>);
static_assert(!vault_policy<service_key_that_does_not_heal> && !vault_policy<service_key_of_one>);
static_assert(!vault_policy<service_key_of_all> && !vault_policy<service_key_that_is_none>);
static_assert(!vault_policy<database_key_without_password> &&
              !vault_policy<database_key_without_service_key>);
static_assert(!vault_policy<database_key_of_both> &&
              !vault_policy<database_key_under_another_parent>);
static_assert(!vault_policy<store_that_is_none>);

// What a key is protected by, and what may protect it.
static_assert(may_wrap<by::master_key::role, role::symmetric_key> &&
              may_wrap<by::password::role, role::symmetric_key>);
static_assert(may_wrap<by::certificate::role, role::symmetric_key> &&
              may_wrap<by::asymmetric_key::role, role::symmetric_key>);
static_assert(may_wrap<by::symmetric_key::role, role::symmetric_key>);
static_assert(!may_wrap<by::service_key::role, role::symmetric_key>);
static_assert(!may_wrap<by::master_key::role, role::data> &&
              !may_wrap<by::service_key::role, role::data>);

// A plan and a guard hold secrets or an opening: they move, and are not copied.
static_assert(std::movable<loss_plan> && !std::copyable<loss_plan> &&
              !std::default_initializable<loss_plan>);
using guard = open_master_key_guard<detail::vault_state<over<store::memory>, system_clock>>;
static_assert(std::move_constructible<guard> && !std::copy_constructible<guard> &&
              !std::is_copy_assignable_v<guard>);
static_assert(std::is_nothrow_move_constructible_v<guard>);

}  // namespace vault_static

}  // namespace keywarden
