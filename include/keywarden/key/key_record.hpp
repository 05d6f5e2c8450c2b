/// @file
/// The key record: a key as it is stored, with the slots that open it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/core/name.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/key/key_state.hpp>
#include <keywarden/key/requirements.hpp>
#include <keywarden/key/strict_json.hpp>

namespace keywarden {

/// One way to open a key record: what a protector stored when it hid the record key.
struct slot {
  std::string id;       ///< 8 hexadecimal digits, unique within the record
  std::string label;    ///< what the administrator calls it, for people; at most 64 bytes
  nlohmann::json data;  ///< the protector's own: `scheme` and what that scheme needs

  /// The scheme of the protector that made it, such as "password/argon2id".
  [[nodiscard]] std::string scheme() const {
    const auto at = data.find("scheme");
    return at != data.end() && at->is_string() ? at->get<std::string>() : std::string{};
  }
};

/// What a record tells about a key version without being opened.
struct version_info {
  key_id id;
  /// Whether it seals, opens, or neither.
  key_state state = key_state::created;
  /// When it was made.
  time_point created{};
  /// How many seals processes have leased so far.
  std::uint64_t leased_messages = 0;
};

/// The readable part of a key record. None of it is secret; all of it is authenticated, by a MAC
/// that only who opens a slot can check: until `opened_record` has done so, treat it as a claim.
struct record_header {
  std::string kind;  ///< a role's name
  std::string name;  ///< where the record lives: it opens nowhere else
  record_id id;
  std::uint64_t generation = 0;  ///< counts writes
  /// Tells the right record key from a wrong one.
  commitment key_commitment;
  /// What a composition has to offer at least to be let at it.
  requirements floor;
  /// The ways in.
  std::vector<slot> slots;
  /// The versions of the key, oldest first; none for what has no versions.
  std::vector<version_info> versions;
  nlohmann::json attributes =
      nlohmann::json::object();  ///< public facts of the kind, e.g. a public key
};

/// The bounds that hold for every record, before anything of it is used.
struct record_limits {
  static constexpr std::size_t size = std::size_t{1} << 20U;
  /// How many ways in.
  static constexpr std::size_t slots = 64;
  /// How many versions.
  static constexpr std::size_t versions = 256;
  /// The longest material, in bytes.
  static constexpr std::size_t material = std::size_t{1} << 18U;
  /// The longest label of a slot, in bytes.
  static constexpr std::size_t label = 64;
};

namespace detail {

[[nodiscard]] inline json to_json(const requirements& floor) {
  auto bound = json::array();
  for (const auto each : all_factors)
    if (floor.bound_to.contains(each)) bound.push_back(name_of(each));
  return {{"strength", floor.strength},
          {"guess_cost", floor.guess_cost},
          {"quantum_safe", floor.quantum_safe},
          {"bound_to", std::move(bound)}};
}

[[nodiscard]] inline result<requirements> requirements_from(const json& stored) {
  json_reader read(stored, "requirements");
  requirements floor;
  floor.strength = static_cast<unsigned>(read.number("strength", 1024));
  floor.guess_cost = static_cast<unsigned>(read.number("guess_cost", requirements::unguessable));
  floor.quantum_safe = read.flag("quantum_safe");
  for (const auto& each : read.array("bound_to", all_factors.size())) {
    const auto known =
        each.is_string() ? factor_of(each.get_ref<const std::string&>()) : std::nullopt;
    if (known)
      floor.bound_to.insert(*known);
    else
      read.fail("bound_to", "an unknown factor");
  }
  if (auto ok = read.finish(); !ok) return ok.error();
  return floor;
}

[[nodiscard]] inline json to_json(const record_header& header) {
  auto slots = json::array();
  for (const auto& each : header.slots)
    slots.push_back({{"id", each.id}, {"label", each.label}, {"data", each.data}});
  auto versions = json::array();
  for (const auto& each : header.versions)
    versions.push_back({{"id", each.id.value()},
                        {"state", name_of(each.state)},
                        {"created", each.created.time_since_epoch().count()},
                        {"leased_messages", each.leased_messages}});
  return {{"keywarden", 1},
          {"kind", header.kind},
          {"name", header.name},
          {"id", to_hex(header.id.view())},
          {"generation", header.generation},
          {"commitment", to_hex(header.key_commitment.view())},
          {"requirements", to_json(header.floor)},
          {"slots", std::move(slots)},
          {"versions", std::move(versions)},
          {"attributes", header.attributes}};
}

[[nodiscard]] inline result<record_header> header_from(json_reader& read) {
  record_header header;
  if (const auto version = read.number("keywarden"); version != 1)
    read.fail(error(errc::unsupported_version).with(fact::limit, 1).with(fact::version, version));
  header.kind = read.text("kind", 64);
  header.name = read.text("name", record_name::max_size);
  header.id = read.hex<record_id>("id");
  header.generation = read.number("generation");
  header.key_commitment = read.hex<commitment>("commitment");
  auto floor = requirements_from(read.object("requirements"));
  if (floor)
    header.floor = *floor;
  else
    read.fail(floor.error());
  for (const auto& each : read.array("slots", record_limits::slots)) {
    json_reader member(each, "slot");
    header.slots.push_back(
        {member.text("id", 8), member.text("label", record_limits::label), member.object("data")});
    if (std::ranges::count(header.slots, header.slots.back().id, &slot::id) > 1)
      member.fail("id", "another slot has it");
    if (auto ok = member.finish(); !ok) read.fail(ok.error());
  }
  for (const auto& each : read.array("versions", record_limits::versions)) {
    json_reader member(each, "key version");
    version_info info;
    info.id = key_id(static_cast<std::uint32_t>(member.number("id", 0xffffffffU)));
    const auto state = key_state_of(member.text("state", 16));
    if (!state) member.fail("state", "an unknown state");
    info.state = state.value_or(key_state::disabled);
    info.created = time_point(std::chrono::seconds(
        static_cast<std::int64_t>(member.number("created", std::uint64_t{1} << 40U))));
    info.leased_messages = member.number("leased_messages");
    header.versions.push_back(info);
    if (auto ok = member.finish(); !ok) read.fail(ok.error());
  }
  header.attributes = read.object("attributes");
  return header;
}

// The end of every record: the MAC is the last member, so that it covers the bytes before it as
// stored.
inline constexpr std::string_view mac_before = ",\n \"mac\": \"";
inline constexpr std::string_view mac_after = "\"\n}\n";
inline constexpr std::size_t mac_tail = mac_before.size() + 64 + mac_after.size();

}  // namespace detail

/// A key record as it was read: parsed, bounded, and not yet authenticated. Holds no secrets. A
/// regular value; threads may share one to read.
class key_record {
 public:
  /// Parses stored bytes. Errors: `limit_exceeded` (before parsing), `truncated` when the closing
  /// MAC is missing, `malformed`, `unsupported_version`.
  [[nodiscard]] static result<key_record> parse(bytes_view stored) {
    if (stored.size() > record_limits::size)
      return error(errc::limit_exceeded)
          .with(fact::reason, "size of a key record")
          .with(fact::limit, record_limits::size)
          .with(fact::actual, stored.size());
    const auto text = as_text(stored);
    if (text.size() < detail::mac_tail || !text.ends_with(detail::mac_after) ||
        text.substr(text.size() - detail::mac_tail, detail::mac_before.size()) !=
            detail::mac_before)
      return error(errc::truncated).with(fact::reason, "a key record ends with its MAC");
    auto parsed = detail::parse_json(stored);
    if (!parsed) return parsed.error();
    detail::json_reader read(parsed->value, "key record");
    auto header = detail::header_from(read);
    key_record made;
    made.header_ = std::move(*header);
    made.material_ = read.base64("material", record_limits::material);
    made.mac_ = read.hex<mac>("mac");
    if (auto ok = read.finish(); !ok) return ok.error();
    made.covered_ = to_bytes(stored.first(stored.size() - detail::mac_tail));
    return made;
  }

  /// What the record says of itself, before anything is opened.
  [[nodiscard]] const record_header& header() const noexcept { return header_; }

  /// Whether a candidate is this record's key, in constant time.
  [[nodiscard]] result<void> check_commitment(const secret_key& candidate) const {
    auto shown = commitment_of(candidate);
    if (!shown) return shown.error();
    if (!Botan::constant_time_compare(bytes_view(shown->view()),
                                      bytes_view(header_.key_commitment.view())))
      return error(errc::authentication_failed).with(fact::operation, "key commitment");
    return done();
  }

  /// Authenticates the whole record, as stored, with its key. Errors: `authentication_failed`.
  [[nodiscard]] result<void> authenticate(const secret_key& record_key) const {
    if (auto committed = check_commitment(record_key); !committed) return committed;
    auto expected = mac_of(record_key, covered_);
    if (!expected) return expected.error();
    if (!Botan::constant_time_compare(bytes_view(expected->view()), bytes_view(mac_.view())))
      return error(errc::authentication_failed)
          .with(fact::operation, "key record")
          .with(fact::name, header_.name)
          .with(fact::next_step, "the record was altered: restore it from a backup");
    return done();
  }

  /// Opens the material of a record that `authenticate` accepted. Errors: `authentication_failed`,
  /// `truncated`.
  [[nodiscard]] result<plaintext> open_material(const secret_key& record_key) const {
    if (material_.size() < nonce::size + crypto::tag::size) return error(errc::truncated);
    auto key = crypto::subkey(record_key, "keywarden/1/record/material");
    if (!key) return key.error();
    auto cipher = crypto::aes256_gcm::context::create(*key);
    if (!cipher) return cipher.error();
    const bytes_view sealed(material_);
    auto opened = plaintext::copy_of(
        sealed.subspan(nonce::size, sealed.size() - nonce::size - crypto::tag::size));
    const auto ok = cipher->open(nonce(sealed.first<nonce::size>()), material_context(header_),
                                 opened.view(), crypto::tag(sealed.last<crypto::tag::size>()));
    if (!ok) return ok.error();
    return opened;
  }

  /// The commitment to a record key that a header carries.
  [[nodiscard]] static result<commitment> commitment_of(const secret_key& record_key) {
    auto key = crypto::subkey(record_key, "keywarden/1/record/commitment");
    if (!key) return key.error();
    return commitment(detail::view_of(*key).first<commitment::size>());
  }

  /// Writes a record: seals the material, and closes the header with its MAC. The header's
  /// commitment is set here. What is written reads back: it is refused here otherwise, not when it
  /// is needed. Errors: `limit_exceeded`; `malformed` for what `parse` would refuse;
  /// `invalid_argument` for text that is not UTF-8; those of randomness.
  template <random_source Random = system_random>
  [[nodiscard]] static result<bytes> write(record_header header, const secret_key& record_key,
                                           bytes_view material, Random&& random = Random{}) {
    auto committed = commitment_of(record_key);
    if (!committed) return committed.error();
    header.key_commitment = *committed;
    auto key = crypto::subkey(record_key, "keywarden/1/record/material");
    if (!key) return key.error();
    auto cipher = crypto::aes256_gcm::context::create(*key);
    if (!cipher) return cipher.error();
    auto once = random_public<nonce>(random);
    if (!once) return once.error();
    bytes sealed;
    sealed.reserve(nonce::size + material.size() + crypto::tag::size);
    append(sealed, once->view());
    append(sealed, material);
    crypto::tag tag;
    if (auto ok = cipher->seal(*once, material_context(header),
                               mutable_bytes(sealed).subspan(nonce::size), tag);
        !ok)
      return ok.error();
    append(sealed, tag.view());

    auto document = detail::to_json(header);
    document["material"] = to_base64(sealed);
    std::string text = document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
    text.resize(text.size() - std::string_view("\n}").size());
    auto closing = mac_of(record_key, as_bytes(text));
    if (!closing) return closing.error();
    text.append(detail::mac_before).append(to_hex(closing->view())).append(detail::mac_after);
    auto read_back = parse(as_bytes(text));
    if (!read_back) return read_back.error().with(fact::name, header.name);
    if (detail::to_json(read_back->header_) != detail::to_json(header))
      return error(errc::invalid_argument)
          .with(fact::name, header.name)
          .with(fact::reason, "the header has a text that is not UTF-8");
    return to_bytes(as_bytes(text));
  }

 private:
  key_record() = default;

  [[nodiscard]] static bytes material_context(const record_header& header) {
    bytes context;
    append_length_prefixed(context, as_bytes(header.kind));
    append_length_prefixed(context, as_bytes(header.name));
    append_length_prefixed(context, header.id.view());
    return context;
  }
  [[nodiscard]] static result<mac> mac_of(const secret_key& record_key, bytes_view covered) {
    auto key = crypto::subkey(record_key, "keywarden/1/record/mac");
    if (!key) return key.error();
    bytes input;
    append_length_prefixed(input, covered);
    return crypto::hmac_sha256(*key, input);
  }

  record_header header_;
  bytes material_;
  bytes covered_;
  mac mac_;
};

}  // namespace keywarden
