/// @file
/// Instances for tests, each with a vault of its own, and a store that they share and somebody else
/// may write.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/vault/scale_out.hpp>

#include "vault/fixture.hpp"

namespace keywarden::testing {

/// A shared store in memory that counts how often it is asked, and lets a test act right before a
/// commit.
class shared_place {
 public:
  static constexpr std::string_view kind = "shared";

  [[nodiscard]] shared_place share() const { return shared_place(records_.share(), told_); }

  [[nodiscard]] result<std::optional<store::stored_record>> get(const record_name& name) {
    ++told_->reads;
    if (const auto act = told_->at_read) act();
    if (told_->away) return error(errc::io_failed);
    if (told_->shown && name.text() == key_name) return std::optional(*told_->shown);
    auto found = records_.get(name);
    if (name.text() == key_name)
      if (auto then = std::exchange(told_->after_key_read, nullptr)) then();
    return found;
  }
  [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) {
    ++told_->reads;
    if (told_->away) return error(errc::io_failed);
    return records_.list(prefix);
  }
  [[nodiscard]] result<void> commit(const store::transaction& changes) {
    if (auto meanwhile = std::exchange(told_->before_commit, nullptr)) meanwhile();
    ++told_->commits;
    if (told_->away) return error(errc::io_failed);
    auto made = records_.commit(changes);
    if (made)
      if (auto then = std::exchange(told_->after_commit, nullptr)) then();
    return made;
  }
  /// What happens right after the next commit that succeeds, once.
  void after_commit(std::function<void()> act) const { told_->after_commit = std::move(act); }

  /// What happens at every read of a record.
  void at_read(std::function<void()> act) const { told_->at_read = std::move(act); }

  /// What happens right after the next read of the key, once.
  void after_key_read(std::function<void()> act) const { told_->after_key_read = std::move(act); }
  /// Another handle, of which the test hears on its own.
  [[nodiscard]] shared_place other() const {
    return shared_place(records_.share(), std::make_shared<heard>());
  }
  /// From now on, this is read in place of the key, under the revision that it has now; nothing:
  /// the key itself again.
  void show(std::optional<std::string_view> text) {
    told_->shown = text ? records_.get(named(key_name)).value() : std::nullopt;
    if (text) told_->shown->data = to_bytes(as_bytes(*text));
  }

  /// Another handle, to which whoever writes the store shows the key as it is now for ever.
  [[nodiscard]] shared_place stuck() const {
    auto made = other();
    made.told_->shown = made.records_.get(named(key_name)).value();
    return made;
  }

  // From now on everything fails, as when the server is away; until `come_back`.
  void go_away() const { told_->away = true; }
  void come_back() const { told_->away = false; }

  [[nodiscard]] int reads() const { return told_->reads; }
  [[nodiscard]] int commits() const { return told_->commits; }
  void before_commit(std::function<void()> act) const { told_->before_commit = std::move(act); }

  // What somebody does who can write the store, and is no member.
  [[nodiscard]] std::string read(std::string_view name) const {
    return std::string(as_text(records_.get(named(name)).value().value().data));
  }
  void write(std::string_view name, std::optional<std::string_view> text) {
    const auto present = records_.get(named(name)).value();
    store::transaction changes;
    if (present && text)
      changes.replace(named(name), present->revision, to_bytes(as_bytes(*text)));
    else if (present)
      changes.erase(named(name), present->revision);
    else
      changes.create(named(name), to_bytes(as_bytes(text.value())));
    records_.commit(changes).value();
  }
  [[nodiscard]] key_record key() const {
    return key_record::parse(as_bytes(read(key_name))).value();
  }

  static constexpr std::string_view key_name = "scale-out/farm/key";

  shared_place() = default;

 private:
  struct heard {
    std::atomic<int> reads{0};
    std::atomic<int> commits{0};
    std::atomic<bool> away{false};
    std::function<void()> before_commit, after_commit, after_key_read, at_read;
    std::optional<store::stored_record> shown;
  };

  shared_place(store::memory records, std::shared_ptr<heard> told)
      : records_(std::move(records)), told_(std::move(told)) {}

  store::memory records_;
  std::shared_ptr<heard> told_ = std::make_shared<heard>();
};

/// A clock that a test may put forward.
struct forward_clock {
  static inline std::atomic<std::int64_t> ahead{0};
  [[nodiscard]] static time_point now() noexcept {
    return system_clock::now() + std::chrono::seconds(ahead.load());
  }
};
/// Lets time pass, as long as it lives.
class later {
 public:
  explicit later(std::chrono::seconds by) : by_(by.count()) { forward_clock::ahead += by_; }
  later(const later&) = delete;
  later& operator=(const later&) = delete;
  ~later() { forward_clock::ahead -= by_; }

 private:
  std::int64_t by_;
};

using farm_vault = keywarden::vault<policy, forward_clock>;
using farm = scale_out<farm_vault, shared_place>;
inline const object_name farm_name("farm");
/// What backups of the shared key are made under.
inline const password protection("Shared-Backup-1");

/// One server: a vault of its own.
struct server {
  installation<> place;
  farm_vault own = open_vault();

  [[nodiscard]] farm_vault open_vault() const {
    return farm_vault::open_or_create(place.place.open(), place.key()).value();
  }

  [[nodiscard]] result<farm> open(const shared_place& shared) const {
    return farm::open(own, shared.share(), farm_name);
  }
  [[nodiscard]] result<farm> open_or_create(const shared_place& shared,
                                            std::string_view name = "first") const {
    return farm::open_or_create(own, shared.share(), farm_name, name);
  }
  [[nodiscard]] join_ticket ask(const shared_place& shared, std::string_view name = "next") const {
    return farm::ask_to_join(own, shared.share(), farm_name, name).value();
  }
  [[nodiscard]] result<farm> join(const shared_place& shared, const verification_code& code) const {
    return farm::join(own, shared.share(), farm_name, code);
  }
  /// Joins with the approval of a member.
  [[nodiscard]] farm join(const shared_place& shared, farm& through,
                          std::string_view name = "next") const {
    const auto ticket = ask(shared, name);
    return join(shared, through.approve(ticket.installation, ticket.fingerprint).value()).value();
  }
};

/// A server of which another process keeps something in the same vault at the same moment.
struct busy_server {
  server base;
  std::shared_ptr<std::function<void()>> before_keeping;
  std::shared_ptr<bool> broken;
  farm_vault own = [this] {
    auto records = base.place.place.open();
    before_keeping = records.before_commit();
    broken = records.broken();
    return farm_vault::open_or_create(std::move(records), base.place.key()).value();
  }();

  /// Right before the next thing is kept, what was there is written again: under another revision.
  void conflict_once() {
    *before_keeping = [this] {
      base.place.write("scale_out_member/farm", base.place.read("scale_out_member/farm"));
    };
  }
};

/// What a member can do with its own means: the record as it opens it, to be changed at will.
[[nodiscard]] inline detail::shared_edit opened_by(const server& member,
                                                   const shared_place& shared) {
  auto pair = crypto::x_wing::private_key::decode(
                  member.own.memberships().load(farm_name).value()->kept.private_key)
                  .value();
  return detail::open_shared<crypto::x_wing>(shared.key(), named(shared_place::key_name),
                                             std::move(pair), nullptr)
      .value();
}
/// Writes such a record over whatever is there.
inline void write_by_hand(shared_place& shared, detail::shared_edit& edit) {
  shared.write(shared_place::key_name,
               as_text(detail::encode_shared(edit, forward_clock::now()).value()));
}

/// The installation id of the member of this name.
[[nodiscard]] inline installation_id id_of(farm& in, std::string_view name) {
  for (const auto& each : in.members().value())
    if (each.name == name) return each.installation;
  throw std::out_of_range(std::string(name));
}

[[nodiscard]] inline sealed<rows> seal(const farm& by, std::string_view text) {
  return by.key<rows>().seal(as_bytes(text)).value();
}
/// Whether a member opens a message, and finds this text.
[[nodiscard]] inline boost::test_tools::assertion_result reads(const farm& by,
                                                               const sealed<rows>& message,
                                                               std::string_view expected) {
  auto opened = by.key<rows>().open(message);
  if (!opened) return accepted(opened);
  return opened->text() == expected;
}

}  // namespace keywarden::testing
