/// @file
/// Vaults for tests: one policy over every store, on machines and accounts that a test may change
/// or lose.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/store/file.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/store/sqlite.hpp>
#include <keywarden/vault/vault.hpp>

#include "protect/world.hpp"
#include "support/refusals.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing {

/// Any record store behind one type, so that the vault is compiled once for all of them; and a
/// chance to act as another process right before a commit.
class any_store {
 public:
  static constexpr std::string_view kind = "any";

  template <class Store>
    requires(!std::same_as<Store, any_store> && store::record_store<Store>)
  explicit any_store(Store records)
      : records_(std::make_unique<model<Store>>(std::move(records))) {}

  [[nodiscard]] result<std::optional<store::stored_record>> get(const record_name& name) {
    return records_->get(name);
  }
  [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) {
    return records_->list(prefix);
  }
  [[nodiscard]] result<void> commit(const store::transaction& changes) {
    if (auto meanwhile = std::exchange(*before_commit_, nullptr)) meanwhile();
    if (*broken_) return error(errc::io_failed);
    return records_->commit(changes);
  }

  /// What happens right before the next commit, once. Stays valid when the store is moved.
  [[nodiscard]] std::shared_ptr<std::function<void()>> before_commit() const {
    return before_commit_;
  }

  /// Whether every commit fails. Stays valid as well.
  [[nodiscard]] std::shared_ptr<bool> broken() const { return broken_; }

 private:
  struct base {
    virtual ~base() = default;
    virtual result<std::optional<store::stored_record>> get(const record_name& name) = 0;
    virtual result<std::vector<record_name>> list(std::string_view prefix) = 0;
    virtual result<void> commit(const store::transaction& changes) = 0;
  };
  template <class Store>
  struct model final : base {
    explicit model(Store records) : held(std::move(records)) {}
    result<std::optional<store::stored_record>> get(const record_name& name) override {
      return held.get(name);
    }
    result<std::vector<record_name>> list(std::string_view prefix) override {
      return held.list(prefix);
    }
    result<void> commit(const store::transaction& changes) override { return held.commit(changes); }
    Store held;
  };

  std::unique_ptr<base> records_;
  std::shared_ptr<std::function<void()>> before_commit_ = std::make_shared<std::function<void()>>();
  std::shared_ptr<bool> broken_ = std::make_shared<bool>(false);
};

/// What every vault test composes; its passwords cost nothing.
struct policy {
  using cipher = crypto::aes256_gcm;
  using service_key = protect::self_healing<protect::any_of<protect::account, protect::machine>>;
  using database_key = protect::any_of<protect::service_master_key, typed>;
  using store = any_store;
};

/// A purpose to seal for.
struct rows {
  static constexpr std::string_view name = "rows";
};

using vault = keywarden::vault<policy>;
using database_handle = vault::database_handle;
using vault_state = detail::vault_state<policy, system_clock>;

/// The name of a database, a key or a credential.
[[nodiscard]] inline object_name called(std::string_view text) {
  return object_name::parse(text).value();
}

// Where a store may be.
struct in_memory {
  store::memory place;
  [[nodiscard]] any_store open() const { return any_store(place.share()); }
};
struct in_files {
  scratch folder{scratch::on::memory};
  [[nodiscard]] any_store open() const {
    return any_store(store::file<>::open(folder / "store").value());
  }
};
struct in_sqlite {
  scratch folder{scratch::on::memory};
  [[nodiscard]] any_store open() const {
    return any_store(store::sqlite::open(folder / "records.db").value());
  }
};

/// The records of a store, by name.
using contents = std::map<std::string, std::string>;

/// A store, and a world of accounts and machines that open the vault in it.
template <class Place = in_memory>
class installation {
 public:
  world people;
  Place place;

  /// The way in of this account on this machine; their secrets are made.
  [[nodiscard]] policy::service_key key(const std::string& account = "alice",
                                        const std::string& machine = "host") const {
    return policy::service_key(people.account(account), people.machine(machine));
  }
  /// The vault as this account on this machine opens it, made when the store is empty.
  [[nodiscard]] vault open_or_create() const {
    return vault::open_or_create(place.open(), key()).value();
  }
  [[nodiscard]] result<vault> open(policy::service_key with) const {
    return vault::open(place.open(), std::move(with));
  }
  [[nodiscard]] result<vault> open(const std::string& account = "alice",
                                   const std::string& machine = "host") const {
    return open(key(account, machine));
  }
  [[nodiscard]] vault recover(const std::string& account, const std::string& machine) const {
    return vault::open_for_recovery(place.open(), key(account, machine));
  }

  [[nodiscard]] contents all() const {
    auto records = place.open();
    contents found;
    for (const auto& name : records.list("").value())
      found[name.text()] = as_text(records.get(name).value().value().data);
    return found;
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    return std::string(as_text(place.open().get(named(name)).value().value().data));
  }
  /// Writes a record past the vault, as whoever can write the store does; without text it is
  /// erased.
  void write(std::string_view name, std::optional<std::string> text) const {
    auto records = place.open();
    const auto present = records.get(named(name)).value();
    store::transaction changes;
    if (present && text)
      changes.replace(named(name), present->revision, to_bytes(as_bytes(*text)));
    else if (present)
      changes.erase(named(name), present->revision);
    else
      changes.create(named(name), to_bytes(as_bytes(text.value())));
    records.commit(changes).value();
  }
  /// Changes one hexadecimal digit or letter of a record's material, or of any other member.
  void damage(std::string_view name, std::string_view member = "\"material\": \"") const {
    auto text = read(name);
    const auto at = text.find(member) + member.size() + 4;
    text[at] = text[at] == 'A' ? 'B' : 'A';
    write(name, text);
  }
  [[nodiscard]] key_record record(std::string_view name) const {
    return key_record::parse(as_bytes(read(name))).value();
  }
};

inline const password smk_backup_password("Backup-Pass-1");
inline const password dmk_password("Dmk-Pass-1");
inline const password other_password("Other-Pass-2");

/// A database of this name with a master key under `dmk_password`.
[[nodiscard]] inline database_handle with_master_key(vault& in, std::string_view name = "sales") {
  auto made = in.create_database(called(name)).value();
  made.master_key().create(dmk_password).value();
  return made;
}

/// Whether a symmetric key opens a message, and gives back what was sealed.
[[nodiscard]] inline boost::test_tools::assertion_result reads(const database_handle& in,
                                                               std::string_view key,
                                                               const sealed<rows>& message,
                                                               std::string_view expected,
                                                               const password* known = nullptr) {
  auto opened = in.keys().open<rows>(called(key), known);
  if (!opened) return accepted(opened);
  auto shown = opened->open(message);
  if (!shown) return accepted(shown);
  return shown->text() == expected;
}
/// Whether a symmetric key opens by itself.
[[nodiscard]] inline boost::test_tools::assertion_result opens(const database_handle& in,
                                                               std::string_view key) {
  return accepted(in.keys().open<rows>(called(key)));
}
/// Seals a text under a symmetric key.
[[nodiscard]] inline sealed<rows> seal(const database_handle& in, std::string_view key,
                                       std::string_view text, const password* known = nullptr) {
  return in.keys().open<rows>(called(key), known).value().seal(as_bytes(text)).value();
}

/// The slots of a database master key or of any other record, of one scheme.
[[nodiscard]] inline std::vector<slot> slots_of(const key_record& record, std::string_view scheme) {
  std::vector<slot> found;
  for (const auto& each : record.header().slots)
    if (each.scheme() == scheme) found.push_back(each);
  return found;
}

}  // namespace keywarden::testing
