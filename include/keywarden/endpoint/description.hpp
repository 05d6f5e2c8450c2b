/// @file
/// What an instance tells the others about itself, so that somebody can check the whole mesh.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/auth/directory.hpp>
#include <keywarden/auth/own_identity.hpp>
#include <keywarden/endpoint/definition_json.hpp>
#include <keywarden/pki/dates.hpp>

namespace keywarden {

/// Whether a login has CONNECT on the endpoint.
enum class connect_right : std::uint8_t { none, granted, denied };

/// The right in a word, as descriptions spell it.
[[nodiscard]] constexpr std::string_view name_of(connect_right right) noexcept {
  switch (right) {
    case connect_right::granted:
      return "granted";
    case connect_right::denied:
      return "denied";
    case connect_right::none:
      break;
  }
  return "none";
}

/// A certificate that an instance shows, or holds of a peer, as far as others need to know it.
struct described_certificate {
  pki::fingerprint fingerprint;  ///< SHA-256 of the whole certificate
  std::string subject;           ///< as people read it, for display only
  time_point not_before;         ///< the first second
  time_point not_after;          ///< the last second

  /// What others need to know of a certificate.
  [[nodiscard]] static described_certificate of(const pki::certificate& from) {
    return {from.fingerprint(), from.subject(), from.not_before(), from.not_after()};
  }
  /// Whether `now` is within its dates, both ends included.
  [[nodiscard]] bool valid_at(time_point now) const noexcept {
    return not_before <= now && now <= not_after;
  }
  friend bool operator==(const described_certificate&, const described_certificate&) = default;
};

/// Somebody whom an instance knows: by a certificate, or by the name under which it holds a
/// pre-shared key.
struct described_peer {
  std::optional<described_certificate> certificate;  ///< none: by a pre-shared key
  std::string identity;              ///< of a pre-shared key; empty with a certificate
  std::string user;                  ///< who owns the certificate; empty with a pre-shared key
  std::optional<object_name> login;  ///< none: a user without a login
  connect_right connect = connect_right::none;  ///< what its login may

  friend bool operator==(const described_peer&, const described_peer&) = default;
};

/// One instance as it describes itself. Holds no secret; not authenticated: get it from the
/// instance itself. A regular value.
struct instance_description {
  object_name name;  ///< of the instance: what a session calls it
  given_role role;
  endpoint_state state = endpoint_state::stopped;  ///< whether it listens
  transport::encryption_clause encryption = {};    ///< as it was configured, not as it was agreed
  std::string form;  ///< `auth::form::certificate::name` or `auth::form::shared_key::name`
  std::vector<described_certificate> own = {};
  std::vector<described_peer> peers = {};  ///< all whom it knows, those without CONNECT as well

  friend bool operator==(const instance_description&, const instance_description&) = default;
};

/// Describes an instance: its endpoint, whom its directory knows, and the certificates it shows
/// (none with pre-shared keys). A sysadmin or owner counts as granted.
[[nodiscard]] inline instance_description describe_instance(
    const object_name& instance, const endpoint_definition& endpoint, const auth::directory& known,
    const std::vector<pki::certificate>& own) {
  instance_description made{instance, endpoint.role, endpoint.state, endpoint.encryption,
                            std::string(endpoint.authentication.form())};
  const auto right_of = [&](const object_name& login) {
    using why = auth::verdict::reason;
    const auto found =
        known.effective(login, auth::permission::connect, endpoint.name, endpoint.owner);
    if (found.allowed()) return connect_right::granted;
    return found.why == why::denied || found.why == why::denied_by_control ? connect_right::denied
                                                                           : connect_right::none;
  };
  for (const auto& each : own) made.own.push_back(described_certificate::of(each));
  for (const auto& [name, each] : known.certificates()) {
    const auto& login = known.users().at(each.owner).login;
    made.peers.push_back({described_certificate::of(each.certificate), std::string(),
                          each.owner.text(), login, right_of(login)});
  }
  for (const auto& [identity, login] : known.shared_key_identities())
    made.peers.push_back({std::nullopt, identity.text(), std::string(), login, right_of(login)});
  return made;
}

/// The same from what a program makes its endpoint from.
[[nodiscard]] inline instance_description describe_instance(const object_name& instance,
                                                            const endpoint_definition& endpoint,
                                                            const auth::directory& known,
                                                            const auth::own_identities& own) {
  std::vector<pki::certificate> shown;
  for (const auto& each : own.all()) shown.push_back(each->chain.front());
  return describe_instance(instance, endpoint, known, shown);
}

/// The largest description that is read as JSON, in bytes.
inline constexpr std::size_t max_description_size = std::size_t{4} << 20U;

namespace detail {

inline constexpr std::size_t max_described_peers = 3000;
inline constexpr std::size_t max_described_own = 4;
inline constexpr std::size_t max_described_subject = 1024;

[[nodiscard]] inline json to_json(const described_certificate& from) {
  return {{"sha256", to_hex(from.fingerprint.view())},
          {"subject", from.subject},
          {"not_before", from.not_before.time_since_epoch().count()},
          {"not_after", from.not_after.time_since_epoch().count()}};
}

[[nodiscard]] inline described_certificate described_certificate_in(const json& from,
                                                                    json_reader& whole) {
  constexpr std::uint64_t last_second = 253402300799;  // of the year 9999
  json_reader read(from, "certificate");
  const auto at = [&](const char* member) {
    return time_point(std::chrono::seconds(read.number(member, last_second)));
  };
  described_certificate made{read.hex<pki::fingerprint>("sha256"),
                             read.text("subject", max_described_subject), at("not_before"),
                             at("not_after")};
  if (auto complete = read.finish(); !complete) whole.fail(complete.error());
  return made;
}

[[nodiscard]] inline described_peer described_peer_in(const json& from, json_reader& whole) {
  json_reader read(from, "peer");
  described_peer made;
  if (read.has("certificate"))
    made.certificate = described_certificate_in(read.object("certificate"), read);
  made.identity = read.text("identity", object_name::max_size);
  made.user = read.text("user", object_name::max_size);
  if (read.has("login")) made.login = name_in(read, "login");
  const auto right = read.text("connect", 16);
  for (const auto each : {connect_right::granted, connect_right::denied})
    if (right == name_of(each)) made.connect = each;
  if (made.connect == connect_right::none && right != name_of(connect_right::none))
    read.fail("connect", "neither granted, denied nor none");
  if (auto complete = read.finish(); !complete) whole.fail(complete.error());
  return made;
}

}  // namespace detail

/// Writes a description: JSON, one spelling, a newline at its end; bytes of a subject that are not
/// UTF-8 are replaced. Errors: `limit_exceeded`.
[[nodiscard]] inline result<std::string> to_json(const instance_description& from) {
  using detail::json;
  auto own = json::array();
  for (const auto& each : from.own) own.push_back(detail::to_json(each));
  auto peers = json::array();
  for (const auto& each : from.peers) {
    json row{{"identity", each.identity}, {"user", each.user}, {"connect", name_of(each.connect)}};
    if (each.certificate) row["certificate"] = detail::to_json(*each.certificate);
    if (each.login) row["login"] = each.login->text();
    peers.push_back(std::move(row));
  }
  const json document{{"keywarden", 1},
                      {"kind", "instance description"},
                      {"name", from.name.text()},
                      {"role", name_of(from.role)},
                      {"state", name_of(from.state)},
                      {"encryption", transport::text(from.encryption).string()},
                      {"authentication", from.form},
                      {"own", std::move(own)},
                      {"peers", std::move(peers)}};
  auto text = document.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
  if (text.size() > max_description_size)
    return error(errc::limit_exceeded)
        .with(fact::kind, "instance description")
        .with(fact::limit, max_description_size)
        .with(fact::actual, text.size());
  return text;
}

/// Reads what `to_json` wrote, and nothing else. Errors: `limit_exceeded`, `malformed`,
/// `unsupported_version`, `invalid_argument`.
[[nodiscard]] inline result<instance_description> description_from_json(bytes_view text) {
  auto parsed = detail::parse_json(text, {max_description_size, 5});
  if (!parsed) return parsed.error();
  detail::json_reader read(parsed->value, "instance description");
  if (const auto version = read.number("keywarden"); version != 1)
    read.fail(error(errc::unsupported_version).with(fact::limit, 1).with(fact::version, version));
  if (read.text("kind", 64) != "instance description") read.fail("kind", "not a description");
  const auto name = detail::name_in(read, "name");
  const auto role = endpoint_role_of(read.text("role", 16));
  if (!role) read.fail("role", "not a role");
  const auto state = endpoint_state_of(read.text("state", 16));
  if (!state) read.fail("state", "not a state");
  auto encryption = transport::parse_encryption(read.text("encryption", 64));
  if (!encryption) read.fail(encryption.error());
  auto form = read.text("authentication", 32);
  if (form != auth::form::certificate::name && form != auth::form::shared_key::name)
    read.fail("authentication", "an unknown form");
  std::vector<described_certificate> own;
  for (const auto& each : read.array("own", detail::max_described_own))
    own.push_back(detail::described_certificate_in(each, read));
  std::vector<described_peer> peers;
  for (const auto& each : read.array("peers", detail::max_described_peers))
    peers.push_back(detail::described_peer_in(each, read));
  if (auto whole = read.finish(); !whole) return whole.error();
  instance_description made{name,           *role,           *state, *encryption, std::move(form),
                            std::move(own), std::move(peers)};
  auto again = to_json(made);
  if (!again) return again.error();
  if (auto same = detail::expect_as_written(text, *again, "instance description"); !same)
    return same.error();
  return made;
}

}  // namespace keywarden
