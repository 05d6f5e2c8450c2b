/// @file
/// A small Split-Merge service without a network: three shards with rows, and a way to look at all.
#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <keywarden/crypto/kdf.hpp>

#include "../../examples/split_merge_service/core/certificate_sealing.hpp"
#include "../../examples/split_merge_service/core/router.hpp"
#include "../../examples/split_merge_service/core/worker.hpp"
#include "support/refusals.hpp"
#include "support/scratch.hpp"

namespace keywarden::testing::split_merge_world {

using namespace std::chrono_literals;
using split_merge::kind;
using split_merge::metadata;
using split_merge::phase;
using split_merge::placement;
using split_merge::range;
using split_merge::request;
using split_merge::row;
using split_merge::shard;
using split_merge::step;
using split_merge::worker;
namespace reason = split_merge::reason;

/// Seals and opens with one key, as the certificates of pki/credential_sealing.hpp do and faster;
/// not for use: the same credential is the same bytes.
struct test_sealing {
  struct purpose_type {
    static constexpr std::string_view name = "stored credentials";
  };
  using stored = sealed<purpose_type>;
  char key = 'a';

  [[nodiscard]] result<stored> seal(const plaintext& credential, std::string_view owner,
                                    time_point /*now*/) const {
    const auto tag = tag_of(credential.view(), owner);
    bytes made{static_cast<std::uint8_t>(key)};
    append(made, tag.view());
    append(made, mixed(credential.view(), tag.view()));
    return stored(std::move(made));
  }
  [[nodiscard]] result<plaintext> open(const stored& credential, std::string_view owner) const {
    const auto all = credential.view();
    if (all.size() < 33 || all[0] != static_cast<std::uint8_t>(key)) return errc::unknown_key;
    auto made = plaintext::copy_of(mixed(all.subspan(33), all.subspan(1, 32)));
    if (!std::ranges::equal(tag_of(made.view(), owner).view(), all.subspan(1, 32)))
      return errc::authentication_failed;
    return made;
  }
  [[nodiscard]] result<bool> is_up_to_date(const stored& credential) const {
    return !credential.view().empty() && credential.view()[0] == static_cast<std::uint8_t>(key);
  }

 private:
  [[nodiscard]] secret_key sealing_key() const {
    return secret_key::copy_of(bytes(32, static_cast<std::uint8_t>(key)));
  }
  [[nodiscard]] mac tag_of(bytes_view credential, std::string_view owner) const {
    bytes all;
    append_length_prefixed(all, as_bytes(owner));
    append(all, credential);
    return crypto::hmac_sha256(sealing_key(), all).value();
  }
  [[nodiscard]] bytes mixed(bytes_view data, bytes_view tag) const {
    const auto stream = crypto::hkdf_sha256(sealing_key(), tag, as_bytes("stream"), data.size());
    bytes made(data.begin(), data.end());
    const auto with = detail::view_of(stream.value());
    for (std::size_t each = 0; each < made.size(); ++each) made[each] ^= with[each];
    return made;
  }
};

/// What refused `act`, or `errc::none`.
[[nodiscard]] inline error why(const auto& act) {
  try {
    act();
  } catch (const refused& reason) {
    return reason.reason();
  }
  return errc::none;
}

/// Whether `act` is refused with this code for this reason.
[[nodiscard]] inline boost::test_tools::assertion_result refuses(errc code, std::string_view reason,
                                                                 const auto& act) {
  const auto got = why(act);
  boost::test_tools::assertion_result same(got == code && got.value_of(fact::reason) == reason);
  same.message() << "got " << got.message();
  return same;
}

/// The keys 0 to 999, of which `west` has those below 600 and `east` the rest; `north` has none.
/// Only every fifth key has a row.
class world {
 public:
  static constexpr range everything{0, 1000};
  static constexpr std::int64_t stride = 5;

  /// Copies one that was made before: making it is slow.
  world() : folder_(scratch::on::memory) {
    for (const auto& each : std::filesystem::directory_iterator(original().path()))
      std::filesystem::copy(each, folder_.path());
    relocate();
  }

  [[nodiscard]] static const std::vector<std::string>& names() {
    static const std::vector<std::string> all{"west", "east", "north"};
    return all;
  }
  [[nodiscard]] static std::string password_of(const std::string& name) {
    return "Pa55word;of=" + name + "!";
  }
  [[nodiscard]] static row sample(std::int64_t key) {
    return {key, to_bytes(as_bytes("payload of row " + std::to_string(key) + '.'))};
  }

  [[nodiscard]] const scratch& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path metadata_file() const { return folder_ / "metadata.db"; }
  [[nodiscard]] std::filesystem::path file_of(const std::string& name) const {
    return folder_ / (name + ".db");
  }
  [[nodiscard]] metadata service() const { return metadata(metadata_file()); }
  [[nodiscard]] shard open(const std::string& name) const {
    return {file_of(name), password(password_of(name))};
  }
  [[nodiscard]] split_merge::router client() const {
    std::map<std::string, split_merge::credential> all;
    for (const auto& each : names())
      all.emplace(each, split_merge::credential{file_of(each), password(password_of(each))});
    return {metadata_file(), std::move(all)};
  }
  [[nodiscard]] worker make_worker(const std::function<void(step)>& at_step = {},
                                   std::uint64_t rows = 7, std::uint64_t bytes = 10000) const {
    return {metadata_file(),
            split_merge::opening_with(test_sealing{}),
            {{rows, bytes}, 5ms, at_step, {}}};
  }

  [[nodiscard]] plaintext connection(const std::string& name) const {
    return connection(name, password_of(name));
  }
  [[nodiscard]] plaintext connection(const std::string& name, const std::string& secret) const {
    return plaintext::copy_of(
        as_bytes("Data Source=" + file_of(name).string() + ";Password=" + secret));
  }
  std::uint64_t submit(const request& asked) const {
    return service().submit(asked, connection(asked.source), connection(asked.target),
                            split_merge::sealing_with(test_sealing{}));
  }
  [[nodiscard]] split_merge::request_status status(std::uint64_t id) const {
    for (auto& each : service().status().requests)
      if (each.id == id) return each;
    throw std::runtime_error("no such request");
  }

  /// Whether every row is seen once by who goes through the map.
  [[nodiscard]] bool is_seen_whole() const { return client().scan(everything) == all_rows(); }
  /// Whether every row is in one file and only there: what holds when nothing is unfinished.
  [[nodiscard]] bool is_stored_once() const {
    std::vector<row> all;
    for (const auto& each : names())
      std::ranges::move(open(each).rows(everything, 10000), std::back_inserter(all));
    std::ranges::sort(all, {}, &row::key);
    return all == all_rows();
  }
  /// Whether every range takes writes; leaves no trace.
  [[nodiscard]] bool is_writable() const {
    auto to = client();
    for (std::int64_t key = 1; key < everything.high; key += 95) {  // none of the rows
      to.put(sample(key));
      to.erase(key);
    }
    return true;
  }
  [[nodiscard]] std::vector<placement> map() const {
    auto all = service().map().entries();
    for (auto& each : all) each.rows.reset();
    return all;
  }
  /// Whether any file of the service, logs included, has this text in it.
  [[nodiscard]] bool is_in_a_file(std::string_view text, std::string_view of = "") const {
    for (const auto& each : std::filesystem::directory_iterator(folder_.path())) {
      if (!each.path().filename().string().starts_with(of)) continue;
      std::ifstream in(each.path(), std::ios::binary);
      const std::string all((std::istreambuf_iterator<char>(in)), {});
      if (all.find(text) != std::string::npos) return true;
    }
    return false;
  }
  [[nodiscard]] static const std::vector<row>& all_rows() {
    static const auto made = [] {
      std::vector<row> all;
      for (auto key = everything.low; key < everything.high; key += stride)
        all.push_back(sample(key));
      return all;
    }();
    return made;
  }

 private:
  struct empty_one {};
  explicit world(empty_one /*tag*/) : folder_(scratch::on::memory) {
    std::vector<split_merge::shard_place> places;
    for (const auto& each : names()) {
      shard::create(file_of(each), password(password_of(each)), {64, 1, 1});
      places.push_back({each, file_of(each)});
    }
    open("west").serve({0, 600});
    open("east").serve({600, 1000});
    metadata::create(metadata_file(), places, {{{0, 600}, "west"}, {{600, 1000}, "east"}});
    auto to = client();
    for (const auto& each : all_rows()) to.put(each);
  }
  static const scratch& original() {
    static const world made(empty_one{});
    return made.folder_;
  }
  void relocate() const {
    std::vector<split_merge::shard_place> places;
    for (const auto& each : names()) places.push_back({each, file_of(each)});
    service().configure(places);
  }

  scratch folder_;
};

/// Works until there is nothing to do, or nothing that can be done.
inline worker::outcome drain(worker& with) {
  for (;;)
    if (const auto done = with.work_once(); done != worker::outcome::worked) return done;
}

}  // namespace keywarden::testing::split_merge_world
