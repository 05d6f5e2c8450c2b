/// @file
/// Whether all instances of a mirroring session trust each other, edge by edge.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/endpoint/description.hpp>
#include <keywarden/transport/encryption.hpp>

namespace keywarden {

/// What can be wrong with a mesh.
enum class topology_fault : std::uint8_t {
  // of one directed trust edge: `at` does not let `from` in
  no_certificate,       ///< nothing of it is known
  wrong_certificate,    ///< a certificate of its subject, and not the one it shows
  certificate_expired,  ///< or it shows none that is valid now
  no_login,             ///< the certificate's user has no login
  no_connect,           ///< nobody granted CONNECT to the login
  connect_denied,       ///< CONNECT is denied to the login
  next_certificate,     ///< works today; the certificate it changes to is not known yet
  // of one directed connection
  encryption_refused,  ///< the two clauses refuse each other
  forms_differ,        ///< one end has certificates, the other pre-shared keys
  // of one instance
  not_started,      ///< its endpoint is STOPPED or DISABLED
  shared_identity,  ///< it shows the certificate that another shows, too
  // of the session
  wrong_roles,  ///< not two partners and at most one witness
  wrong_size,   ///< neither 2 nor 3 instances, or two of one name
};

/// Whether a fault keeps somebody from connecting now.
[[nodiscard]] constexpr bool breaks(topology_fault fault) noexcept {
  return fault != topology_fault::next_certificate;
}

/// One fault: where it is, and what to do.
struct topology_problem {
  topology_fault fault;   ///< what is wrong, for programs
  std::string from;       ///< who wants to connect; empty for a fault of one instance or of all
  std::string at;         ///< where something must change; empty for a fault of all
  std::string text;       ///< one sentence that names both
  std::string next_step;  ///< what a person does about it

  /// Both for a person: what is wrong, and what to do next.
  [[nodiscard]] std::string sentence() const { return text + ". Next: " + next_step; }
};

/// What a check found; nothing is wrong when it is empty.
struct topology_report {
  std::vector<topology_problem> problems;  ///< in the order in which they were found

  /// Whether every instance can connect to every other, now.
  [[nodiscard]] bool connected() const {
    return std::ranges::none_of(problems, [](const auto& each) { return breaks(each.fault); });
  }
  /// The fault that keeps `from` from connecting to `at`, the first if there are several.
  [[nodiscard]] const topology_problem* broken(std::string_view from, std::string_view at) const {
    for (const auto& each : problems)
      if (each.from == from && each.at == at && breaks(each.fault)) return &each;
    return nullptr;
  }
};

namespace detail {

/// The certificate that an instance shows now: the newest that is valid.
[[nodiscard]] inline const described_certificate* shown_by(const instance_description& of,
                                                           time_point now) {
  const described_certificate* newest = nullptr;
  for (const auto& each : of.own)
    if (each.valid_at(now) && (newest == nullptr || newest->not_before <= each.not_before))
      newest = &each;
  return newest;
}

class topology_check {
 public:
  topology_check(std::span<const instance_description> all, time_point now)
      : all_(all), now_(now) {}

  [[nodiscard]] topology_report run() {
    check_size();
    check_roles();
    for (const auto& each : all_) check_instance(each);
    for (const auto& from : all_)
      for (const auto& at : all_)
        if (&from != &at) check_edge(from, at);
    return {std::move(found_)};
  }

 private:
  using fault = topology_fault;

  void add(fault what, std::string from, std::string at, std::string text, std::string next) {
    found_.push_back({what, std::move(from), std::move(at), std::move(text), std::move(next)});
  }

  void check_size() {
    if (all_.size() != 2 && all_.size() != 3)
      add(fault::wrong_size, {}, {},
          "a mirroring session has 2 or 3 instances, and this one " + std::to_string(all_.size()),
          "describe two partners and, perhaps, one witness");
    for (std::size_t i = 0; i < all_.size(); ++i)
      for (std::size_t j = i + 1; j < all_.size(); ++j)
        if (all_[i].name == all_[j].name)
          add(fault::wrong_size, {}, all_[i].name.text(),
              "two instances are called " + all_[i].name.text(),
              "describe each instance once, under a name of its own");
  }

  void check_roles() {
    std::string partners;
    std::string witnesses;
    const auto count = [&](endpoint_role role, std::string& names) {
      std::size_t found = 0;
      for (const auto& each : all_)
        if (each.role == role) names += (found++ == 0 ? "" : ", ") + each.name.text();
      return found;
    };
    const auto only_partners = count(endpoint_role::partner, partners);
    const auto only_witnesses = count(endpoint_role::witness, witnesses);
    if (only_partners > 2)
      add(fault::wrong_roles, {}, {},
          "there can be two partners, and " + partners + " all have ROLE = PARTNER",
          "ALTER the endpoint of the witness: ROLE = WITNESS");
    if (only_witnesses > 1)
      add(fault::wrong_roles, {}, {},
          "there can be one witness, and " + witnesses + " all have ROLE = WITNESS",
          "ALTER the endpoints of the two partners: ROLE = PARTNER or ALL");
    else if (only_witnesses == 1 && all_.size() == 2)
      add(fault::wrong_roles, {}, {},
          "of two instances both are partners, and " + witnesses + " has ROLE = WITNESS",
          "ALTER its endpoint: ROLE = PARTNER or ALL; or describe the other partner as well");
  }

  void check_instance(const instance_description& each) {
    const auto name = each.name.text();
    if (each.state != endpoint_state::started)
      add(fault::not_started, {}, name,
          "the endpoint of " + name + " is " + std::string(name_of(each.state)) +
              (each.state == endpoint_state::stopped ? " and does not listen"
                                                     : " and answers everybody with an error"),
          "ALTER the endpoint of " + name + ": STATE = STARTED");
    for (const auto& other : all_)
      if (&other < &each)
        for (const auto& one : each.own)
          if (std::ranges::find(other.own, one.fingerprint, &described_certificate::fingerprint) !=
              other.own.end())
            add(fault::shared_identity, {}, name,
                name + " and " + other.name.text() + " have the same certificate (" +
                    to_text(one.fingerprint) + "): nobody can tell them apart",
                "create a certificate of its own on " + name);
  }

  void check_edge(const instance_description& from, const instance_description& at) {
    const auto edge = from.name.text() + " -> " + at.name.text();
    if (from.form != at.form)
      return add(fault::forms_differ, from.name.text(), at.name.text(),
                 edge + ": " + from.name.text() + " authenticates by " + from.form + ", " +
                     at.name.text() + " by " + at.form,
                 "give both endpoints the same form of authentication");
    if (const auto outcome = transport::negotiate(from.encryption, at.encryption);
        outcome.is_refused()) {
      const auto why = transport::to_error(outcome);
      add(fault::encryption_refused, from.name.text(), at.name.text(),
          edge + ": " + transport::text(from.encryption).string() + " against " +
              transport::text(at.encryption).string() + " is " +
              std::string(transport::explain(outcome)),
          std::string(why.value_of(fact::next_step)));
    }
    if (from.form == auth::form::shared_key::name)
      check_shared_key(from, at);
    else
      check_certificate(from, at);
  }

  void check_shared_key(const instance_description& from, const instance_description& at) {
    for (const auto& each : at.peers)
      if (!each.certificate && each.identity == from.name.text())
        return check_login(from, at, each, "the pre-shared key of " + from.name.text());
    add(fault::no_certificate, from.name.text(), at.name.text(),
        from.name.text() + " -> " + at.name.text() + ": " + at.name.text() +
            " knows no pre-shared key of " + from.name.text(),
        "on " + at.name.text() + ", add the key and its identity for a login");
  }

  void check_certificate(const instance_description& from, const instance_description& at) {
    const auto a = from.name.text();
    const auto b = at.name.text();
    const auto* shown = shown_by(from, now_);
    if (shown == nullptr)
      return add(fault::certificate_expired, a, b, a + " -> " + b + ": " + validity_of(from),
                 "on " + a +
                     ", create a certificate, alter the endpoint to show it, and export "
                     "it to " +
                     b);
    const auto* known = known_as(*shown, at);
    if (known == nullptr) return add_unknown(from, at, *shown);
    check_login(from, at, *known, "the certificate of " + a);
    for (const auto& each : from.own) {
      if (each.not_before <= now_ || known_as(each, at) != nullptr) continue;
      const auto day = pki::to_text(each.not_before);
      std::string text(a);
      text.append(" -> ").append(b).append(": ").append(b);
      text.append(" does not know the certificate that ").append(a).append(" changes to on ");
      add(fault::next_certificate, a, b, text.append(day),
          "before that day, copy it to " + b + ", compare " + to_text(each.fingerprint) +
              ", and associate it with the same user");
    }
  }

  [[nodiscard]] std::string validity_of(const instance_description& of) const {
    if (of.own.empty()) return of.name.text() + " has no certificate to show";
    const auto last = std::ranges::max_element(of.own, {}, &described_certificate::not_after);
    if (last->not_after < now_)
      return "the certificate of " + of.name.text() + " expired on " +
             pki::to_text(last->not_after);
    return "the certificate of " + of.name.text() + " is not valid before " +
           pki::to_text(last->not_before);
  }

  [[nodiscard]] static const described_peer* known_as(const described_certificate& shown,
                                                      const instance_description& at) {
    for (const auto& each : at.peers)
      if (each.certificate && each.certificate->fingerprint == shown.fingerprint) return &each;
    return nullptr;
  }

  void add_unknown(const instance_description& from, const instance_description& at,
                   const described_certificate& shown) {
    const auto a = from.name.text();
    const auto b = at.name.text();
    const auto next = "export the certificate of " + a + ", copy it to " + b +
                      ", compare the fingerprint " + to_text(shown.fingerprint) +
                      ", and associate it with the user of " + a;
    for (const auto& each : at.peers) {
      if (!each.certificate || each.certificate->subject != shown.subject) continue;
      const bool expired = each.certificate->not_after < now_;
      std::string text(a);
      text.append(" -> ").append(b).append(": the certificate that ").append(b);
      text.append(" holds for ").append(a);
      if (expired)
        text.append(" expired on ").append(pki::to_text(each.certificate->not_after));
      else
        text.append(" is another one (").append(to_text(each.certificate->fingerprint)).append(")");
      return add(expired ? fault::certificate_expired : fault::wrong_certificate, a, b, text, next);
    }
    add(fault::no_certificate, a, b, a + " -> " + b + ": " + b + " holds no certificate of " + a,
        next);
  }

  void check_login(const instance_description& from, const instance_description& at,
                   const described_peer& known, const std::string& by) {
    const auto a = from.name.text();
    const auto b = at.name.text();
    const auto edge = a + " -> " + b + ": ";
    if (!known.login)
      return add(
          fault::no_login, a, b,
          edge + "the user " + known.user + " that owns " + by + " on " + b + " has no login",
          "on " + b + ", create a login for " + a + ", and a user for that login");
    const auto login = known.login->text();
    if (known.connect == connect_right::denied)
      return add(fault::connect_denied, a, b,
                 edge + "CONNECT on the endpoint of " + b + " is denied to " + login,
                 "on " + b + ", REVOKE the DENY and GRANT CONNECT to " + login);
    if (known.connect == connect_right::none)
      add(fault::no_connect, a, b,
          edge + "nobody granted CONNECT on the endpoint of " + b + " to " + login,
          "on " + b + ", GRANT CONNECT on its endpoint to " + login);
  }

  std::span<const instance_description> all_;
  time_point now_;
  std::vector<topology_problem> found_;
};

}  // namespace detail

/// Checks a session of two partners and, perhaps, a witness, as they describe themselves: roles,
/// states, and for each ordered pair of instances whether the one may connect to the other. An edge
/// that has several faults of trust is listed with the first; every sentence names the edge and the
/// next step. Knows what the descriptions say and nothing else: whether a port can be reached is
/// for `connect` to find out.
[[nodiscard]] inline topology_report check_topology(std::span<const instance_description> instances,
                                                    time_point now) {
  return detail::topology_check(instances, now).run();
}

}  // namespace keywarden
