// ca: an authority of one's own: issues certificates, revokes them, and says so in its lists.

#include <algorithm>
#include <array>

#include <keywarden/core/clock.hpp>

#include "advice.hpp"
#include "authority_folder.hpp"
#include "certificates.hpp"
#include "commands.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::result;
using keywarden::pki::to_text;
using kind = option::kind;

namespace pki = keywarden::pki;

namespace {

constexpr option own_password{"ca-password", kind::password, "the authority's key", {}};
constexpr option new_own_password{"ca-password", kind::new_password, "the authority's key", {}};
constexpr option list_days{"next-days", kind::value, "N",
                           "by when the next list is promised (default: 7)"};

struct named_reason {
  std::string_view name;
  pki::revocation_reason reason;
};
constexpr std::array reasons{
    named_reason{"unspecified", pki::revocation_reason::unspecified},
    named_reason{"key-compromise", pki::revocation_reason::key_compromise},
    named_reason{"ca-compromise", pki::revocation_reason::authority_compromise},
    named_reason{"affiliation-changed", pki::revocation_reason::affiliation_changed},
    named_reason{"superseded", pki::revocation_reason::superseded},
    named_reason{"ceased-operation", pki::revocation_reason::ceased_operation},
    named_reason{"privilege-withdrawn", pki::revocation_reason::privilege_withdrawn},
};

std::string folder_of(const context& at) { return std::string(at.call.operand(0)); }

result<std::chrono::seconds> next_update(const context& at) {
  const auto text = at.call.value(list_days.name);
  if (!text) return pki::authority::default_next_update;
  constexpr std::uint64_t most = 3650;
  auto count = parse_number(*text, "--next-days", most);
  if (!count) return count.error();
  if (*count == 0) return usage_error("--next-days is at least 1", "");
  return std::chrono::seconds(std::chrono::hours(24) * *count);
}

result<answer> create(context& at) {
  const auto now = keywarden::system_clock::now();
  auto options = options_of(at, false, now);
  if (!options) return options.error();
  std::size_t path_length = 1;
  if (const auto text = at.call.value("path-length")) {
    constexpr std::uint64_t most = 8;
    auto read = parse_number(*text, "--path-length", most);
    if (!read) return read.error();
    path_length = *read;
  }
  if (auto free = expect_free(at, {folder_of(at) + "/ca.cer"}); !free) return free.error();
  auto protection = read_password(at.call, own_password.name);
  if (!protection) return protection.error();
  auto key = new_key(at);
  if (!key) return key.error();
  auto own = authority_folder::create(folder_of(at), *options, std::move(*key), path_length,
                                      *protection, now);
  if (!own) return own.error();
  auto made = described(*own);
  add_thumbprints(made, *own);
  made.facts["folder"] = folder_of(at);
  made.text += "\nNext: keywarden ca issue " + folder_of(at) + " --subject TEXT --purpose client " +
               "--out NAME; the service gets " + folder_of(at) + "/ca.cer, nobody gets ca.key.";
  return made;
}

result<pki::certificate_purpose> purpose_of(const context& at) {
  auto text = required(at, "purpose");
  if (!text) return text.error();
  if (*text == "client") return pki::certificate_purpose::client;
  if (*text == "server") return pki::certificate_purpose::server;
  if (*text == "encryption")
    return usage_error(
        "an encryption certificate is not shown to anybody, so no authority vouches for it: "
        "keywarden cert self-signed --purpose encryption",
        "ca issue");
  return usage_error("--purpose takes client or server", "ca issue");
}

/// Names that were asked for and are not in the certificate.
void note_what_was_not_granted(const pki::certificate_request& asked,
                               const pki::certificate_options& granted) {
  std::string left_out;
  for (const auto& each : asked.dns_names())
    if (std::ranges::find(granted.dns_names, each) == granted.dns_names.end())
      left_out.append(left_out.empty() ? "" : ", ").append(each);
  for (const auto& each : asked.ip_addresses())
    if (std::ranges::find(granted.ip_addresses, each) == granted.ip_addresses.end())
      left_out.append(left_out.empty() ? "" : ", ").append(each);
  if (!left_out.empty())
    note("asked for and not granted: " + printable(left_out) + " (--dns and --ip grant names)");
  if (asked.asks_for_authority()) note("it asked to become an authority; it did not");
}

result<answer> issued(const pki::certificate& one, const std::string& name, bool with_pfx,
                      bool for_client) {
  auto made = described(one);
  add_thumbprints(made, one);
  made.facts["certificate_file"] = name + ".cer";
  made.text += "\nWrote " + name + ".cer";
  if (with_pfx) {
    made.facts["pfx_file"] = name + ".pfx";
    made.text += " and, with the private key, " + name + ".pfx";
  }
  made.text += for_client ? ". Next: keywarden config allow-client FILE " + name + ".cer"
                          : ". Next: keywarden config set-certificate FILE SSL " + name + ".cer";
  return made;
}

/// For the holder of a request's key: only the certificate.
result<answer> issue_requested(context& at, const std::string& name,
                               pki::certificate_purpose purpose, const std::string& file) {
  if (at.call.has(options::new_pfx_password.name) || at.call.has("algorithm"))
    return usage_error("with --request the private key is elsewhere: no PFX file is written",
                       "ca issue");
  const auto now = keywarden::system_clock::now();
  auto content = pki::read_file(file, 2 * pki::certificate_request::max_size);
  if (!content) return content.error();
  auto asked = pki::read_request(*content);
  if (!asked) return error(asked.error()).with(fact::file, file);
  pki::request_policy policy;
  if (at.call.has("subject")) {
    auto own = options_of(at, purpose == pki::certificate_purpose::server, now);
    if (!own) return own.error();
    policy.own = std::move(*own);
  } else {
    auto expiry = expiry_option(at, now);
    if (!expiry) return expiry.error();
    policy.own.dns_names = at.call.values("dns");
    policy.own.ip_addresses = at.call.values("ip");
    policy.own.expiry = *expiry;
    policy.take_subject = true;
  }
  if (auto free = expect_free(at, {name + ".cer"}); !free) return free.error();
  auto protection = read_password(at.call, own_password.name);
  if (!protection) return protection.error();
  auto folder = authority_folder::open(folder_of(at), *protection);
  if (!folder) return folder.error();
  auto one = folder->authority().issue(*asked, purpose, policy, now);
  if (!one) return one.error();
  if (auto kept = folder->record(*one); !kept) return kept.error();
  if (auto done = write_certificates(at, name + ".cer", {*one}); !done) return done.error();
  note_what_was_not_granted(*asked, policy.own);
  return issued(*one, name, false, purpose == pki::certificate_purpose::client);
}

result<answer> issue(context& at) {
  auto purpose = purpose_of(at);
  if (!purpose) return purpose.error();
  auto name = required(at, "out");
  if (!name) return name.error();
  if (const auto file = at.call.value("request"))
    return issue_requested(at, *name, *purpose, *file);
  const auto now = keywarden::system_clock::now();
  auto options = options_of(at, *purpose == pki::certificate_purpose::server, now);
  if (!options) return options.error();
  if (auto free = expect_free(at, {*name + ".cer", *name + ".pfx"}); !free) return free.error();
  auto protection = read_password(at.call, own_password.name);
  if (!protection) return protection.error();
  auto chosen = read_password(at.call, options::new_pfx_password.name);
  if (!chosen) return chosen.error();
  if (auto good = password_rules().check(*chosen); !good) return good.error();
  auto key = new_key(at);
  if (!key) return key.error();
  auto folder = authority_folder::open(folder_of(at), *protection);
  if (!folder) return folder.error();
  auto one = folder->authority().issue(*options, *key, *purpose, now);
  if (!one) return one.error();
  if (auto kept = folder->record(*one); !kept) return kept.error();
  const pki::identity whole{{*one, folder->authority().certificate()},
                            std::make_shared<const pki::signing_key>(std::move(*key))};
  pki::pfx_options how;
  how.friendly_name = options->subject;
  if (auto done = write_pfx_file(at, *name + ".pfx", whole, *chosen, how); !done)
    return done.error();
  if (auto done = write_certificates(at, *name + ".cer", {*one}); !done) return done.error();
  return issued(*one, *name, true, *purpose == pki::certificate_purpose::client);
}

json row_of_issued(const authority_state& state, const pki::certificate& one) {
  json row{{"serial", one.serial()}};
  row.update(row_of(one));
  row.erase("issuer");
  if (state.revoked(one)) row["state"] = "revoked";
  return row;
}

result<answer> list(context& at) {
  auto state = read_authority(folder_of(at));
  if (!state) return state.error();
  answer made(state->issued.empty() ? "It has issued nothing yet." : "");
  auto& rows = made.facts["certificates"] = json::array();
  for (const auto& each : state->issued) rows.push_back(row_of_issued(*state, each));
  return made;
}

void add_list(answer& to, const pki::revocation_list& list) {
  to.facts["revoked"] = list.size();
  to.facts["this_update"] = to_text(list.this_update());
  to.facts["next_update"] = list.next_update() ? to_text(*list.next_update()) : "";
  to.text += "\nThe list names " + std::to_string(list.size()) + " revoked, and is good until " +
             (list.next_update() ? to_text(*list.next_update()) : "further notice") + ".";
}

/// Copies the list to where those who check can read it.
result<void> publish(const context& at, answer& to, const pki::revocation_list& list) {
  const auto path = at.call.value("out");
  if (!path) return keywarden::done();
  constexpr ::mode_t for_all = 0644;
  const auto existing = at.call.has("overwrite") ? pki::if_exists::replace : pki::if_exists::refuse;
  if (auto done = pki::detail::write_whole(*path, list.der(), for_all, existing); !done)
    return done.error();
  to.facts["file"] = *path;
  to.text += " Wrote it to " + *path + ".";
  return keywarden::done();
}

result<answer> revoke(context& at) {
  const auto name = at.call.value("reason").value_or("unspecified");
  const auto why = std::ranges::find(reasons, name, &named_reason::name);
  if (why == reasons.end()) {
    std::string all;
    for (const auto& each : reasons) all.append(all.empty() ? "" : ", ").append(each.name);
    return usage_error("--reason takes " + all, "ca revoke");
  }
  auto until = next_update(at);
  if (!until) return until.error();
  auto state = read_authority(folder_of(at));
  if (!state) return state.error();
  auto which = issued_by(*state, std::string(at.call.operand(1)));
  if (!which) return which.error();
  auto protection = read_password(at.call, own_password.name);
  if (!protection) return protection.error();
  auto folder = authority_folder::open(folder_of(at), *protection);
  if (!folder) return folder.error();
  auto signed_list = folder->revoke(*which, why->reason, keywarden::system_clock::now(), *until);
  if (!signed_list) return signed_list.error();
  answer made("Revoked " + printable(which->subject()) + ", serial number " + which->serial() +
              ". It counts where the new list has arrived (keywarden ca crl --out FILE) and where "
              "ClientCertificateRevocationCheck is not NoCheck; until then: keywarden config "
              "forbid-client FILE CERTIFICATE.");
  made.facts["serial"] = which->serial();
  add_list(made, *signed_list);
  return made;
}

result<answer> crl(context& at) {
  auto until = next_update(at);
  if (!until) return until.error();
  if (const auto path = at.call.value("out"))
    if (auto free = expect_free(at, {*path}); !free) return free.error();
  auto protection = read_password(at.call, own_password.name);
  if (!protection) return protection.error();
  auto folder = authority_folder::open(folder_of(at), *protection);
  if (!folder) return folder.error();
  auto list = folder->renew_list(keywarden::system_clock::now(), *until);
  if (!list) return list.error();
  answer made("Signed a revocation list.");
  add_list(made, *list);
  if (auto done = publish(at, made, *list); !done) return done.error();
  return made;
}

}  // namespace

std::vector<command> authority_commands() {
  return {
      {"ca create",
       {"FOLDER"},
       {options::subject,
        {"path-length", kind::value, "N", "authorities between it and a leaf (default: 1)"},
        options::key_algorithm,
        options::days,
        options::expires,
        new_own_password},
       "Make an authority: a key under a password, its certificate, and an empty revocation list.\n"
       "The key never leaves FOLDER and is kept in no other form (PKCS#8, PBES2).",
       create},
      {"ca issue",
       {"FOLDER"},
       {options::subject,
        {"purpose", kind::value, "USE", "client or server"},
        options::dns_names,
        options::ip_addresses,
        {"request", kind::value, "FILE",
         "for the key of this request (PKCS#10): its holder keeps it; no name of it is taken over "
         "but the subject"},
        options::key_algorithm,
        options::days,
        options::expires,
        options::out,
        own_password,
        options::new_pfx_password},
       "Issue a certificate: NAME.cer, and NAME.pfx with its key unless the key is elsewhere.\n"
       "One for each individual, who chooses the password of the PFX file.",
       issue},
      {"ca list", {"FOLDER"}, {}, "List what was issued, and what was revoked.", list},
      {"ca revoke",
       {"FOLDER", "CERTIFICATE"},
       {{"reason", kind::value, "REASON",
         "unspecified, key-compromise, superseded, … (see RFC 5280)"},
        list_days,
        own_password},
       "Revoke a certificate (its file, or its serial number), and sign the next list.",
       revoke},
      {"ca crl",
       {"FOLDER"},
       {{"out", kind::value, "FILE", "a copy for those who check, DER"},
        options::overwrite,
        list_days,
        own_password},
       "Sign the revocation list anew: before the last one's promise ends.",
       crl},
  };
}

}  // namespace cli
