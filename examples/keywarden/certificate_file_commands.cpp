// cert self-signed, cert request, cert thumbprint, cert pfx: certificates as files, without a
// vault.

#include <keywarden/core/clock.hpp>
#include <keywarden/pki/certificate_request.hpp>
#include <keywarden/pki/encryption_certificate.hpp>
#include <keywarden/pki/pfx.hpp>
#include <keywarden/pki/profiles.hpp>

#include "certificates.hpp"
#include "commands.hpp"
#include "files.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::result;
using kind = option::kind;

namespace pki = keywarden::pki;

namespace {

constexpr std::string_view legacy = "legacy-encryption-i-accept-the-risk";
constexpr option key_password{"key-password", kind::new_password, "the private key's file", {}};

// ---- made

result<answer> self_signed(context& at) {
  auto purpose = required(at, "purpose");
  if (!purpose) return purpose.error();
  const bool for_server = *purpose == "server";
  if (*purpose == "client")
    return usage_error(
        "a client's certificate is issued by an authority that the service trusts: keywarden ca "
        "issue",
        "cert self-signed");
  if (!for_server && *purpose != "encryption")
    return usage_error("--purpose takes server or encryption", "cert self-signed");
  auto name = required(at, "out");
  if (!name) return name.error();
  const auto now = keywarden::system_clock::now();
  auto options = options_of(at, for_server, now);
  if (!options) return options.error();
  if (auto free = expect_free(at, {*name + ".cer", *name + ".pfx"}); !free) return free.error();
  auto chosen = read_password(at.call, options::new_pfx_password.name);
  if (!chosen) return chosen.error();
  if (auto good = password_rules().check(*chosen); !good) return good.error();
  auto key = new_key(at);
  if (!key) return key.error();
  auto one = for_server ? pki::make_server_certificate(*key, *options, now)
                        : pki::make_encryption_certificate(*key, *options, now);
  if (!one) return one.error();
  const pki::identity whole{{*one}, std::make_shared<const pki::signing_key>(std::move(*key))};
  pki::pfx_options how;
  how.friendly_name = options->subject;
  if (auto done = write_pfx_file(at, *name + ".pfx", whole, *chosen, how); !done)
    return done.error();
  if (auto done = write_certificates(at, *name + ".cer", {*one}); !done) return done.error();
  auto made = described(*one);
  add_thumbprints(made, *one);
  made.facts["certificate_file"] = *name + ".cer";
  made.facts["pfx_file"] = *name + ".pfx";
  made.text += "\nWrote " + *name + ".cer, for everybody, and " + *name +
               ".pfx with the private key. Next: keywarden config set-certificate FILE " +
               (for_server ? "SSL " : "DataEncryptionPrimary ") + *name + ".cer";
  return made;
}

result<answer> request(context& at) {
  auto name = required(at, "out");
  if (!name) return name.error();
  const auto now = keywarden::system_clock::now();
  auto options = options_of(at, false, now);
  if (!options) return options.error();
  if (auto free = expect_free(at, {*name + ".csr", *name + ".key"}); !free) return free.error();
  auto chosen = read_password(at.call, key_password.name);
  if (!chosen) return chosen.error();
  auto key = new_key(at);
  if (!key) return key.error();
  auto asked = pki::make_request(*key, *options);
  if (!asked) return asked.error();
  const auto existing = pki::if_exists::refuse;
  if (auto done = pki::write_private_key(*name + ".key", *key, *chosen, pki::encoding::pem,
                                         password_rules(), existing);
      !done)
    return done.error();
  constexpr ::mode_t for_all = 0644;
  if (auto done = pki::detail::write_whole(*name + ".csr", keywarden::as_bytes(asked->pem()),
                                           for_all, existing);
      !done)
    return done.error();
  answer made("Wrote the private key, encrypted, to " + *name + ".key, which stays here, and the " +
              "request to " + *name + ".csr. Next, where the authority is: keywarden ca issue " +
              "FOLDER --request " + *name + ".csr --purpose client --out " + *name +
              "; then, here: keywarden cert pfx export " + *name + ".pfx --certificate " + *name +
              ".cer --private-key " + *name + ".key");
  made.facts = {{"request_file", *name + ".csr"}, {"private_key_file", *name + ".key"}};
  return made;
}

// ---- thumbprints

std::string without(const pki::dropped_characters& dropped) {
  std::string text;
  const auto add = [&](std::size_t count, std::string_view one, std::string_view many) {
    if (count == 0) return;
    text.append(text.empty() ? "" : ", ").append(std::to_string(count)).append(" ");
    text.append(count == 1 ? one : many);
  };
  add(dropped.invisible, "invisible character", "invisible characters");
  add(dropped.spaces, "space", "spaces");
  add(dropped.separators, "separator", "separators");
  return text.empty() ? "nothing" : text;
}

answer read_out(const pki::thumbprint_list& list) {
  answer made;
  auto all = json::array();
  for (const auto& each : list.entries) {
    made.text.append(made.text.empty() ? "" : ",").append(each.text());
    all.push_back(each.text());
  }
  if (!list.entries.empty()) {
    made.text += "\nAlgorithm:           " + std::string(name_of(list.entries.front().algorithm()));
    if (!list.entries.front().proves_identity())
      made.text += " (finds a certificate, proves nothing)";
  }
  add_line(made, "Left out:", without(list.dropped));
  for (const auto& each : list.repeated)
    add_line(made, "Repeated:",
             "entry " + std::to_string(each.entry) + " is entry " + std::to_string(each.first));
  made.facts["thumbprints"] = all;
  made.facts["invisible"] = list.dropped.invisible;
  made.facts["spaces"] = list.dropped.spaces;
  made.facts["separators"] = list.dropped.separators;
  return made;
}

result<answer> thumbprint(context& at) {
  const bool of_file = !at.call.operands().empty();
  const auto text = at.call.value("text");
  if (!of_file && !text)
    return usage_error("give a certificate's FILE, or --text", "cert thumbprint");
  std::optional<pki::thumbprint_list> pasted;
  if (text) {
    auto list = pki::parse_thumbprints(*text);
    if (!list) return list.error();
    if (list->entries.empty())
      return error(errc::malformed)
          .with(fact::kind, "thumbprint")
          .with(fact::reason, "it has no digits")
          .with(fact::next_step, "copy the thumbprint from the certificate");
    pasted = std::move(*list);
    if (!of_file) return read_out(*pasted);
  }
  const std::string path(at.call.operand(0));
  auto all = certificates_of(path);
  if (!all) return all.error();
  const auto& one = all->front();
  if (pasted && !pasted->has(one))
    return error(errc::not_found)
        .with(fact::kind, "thumbprint")
        .with(fact::file, path)
        .with(fact::actual, pki::thumbprint_of(one, pasted->entries.front().algorithm()).text())
        .with(fact::reason, "the thumbprint that was pasted is another certificate's")
        .with(fact::next_step, "copy it from this certificate");
  answer made;
  add_line(made, "Subject:", one.subject());
  made.facts["subject"] = one.subject();
  add_thumbprints(made, one);
  if (pasted) made.text += "\nThe thumbprint that was pasted is this certificate's.";
  return made;
}

// ---- PFX files

result<pki::pfx_content> read_pfx_file(const context& at) {
  const std::string path(at.call.operand(0));
  auto content = read_file(path, pki::pfx_limits{}.size);
  if (!content) return content.error();
  auto known = read_password(at.call, options::pfx_password.name);
  if (!known) return known.error();
  auto read = pki::read_pfx(content->view(), *known);
  if (!read) return error(read.error()).with(fact::file, path);
  return read;
}

result<answer> show_pfx(context& at) {
  auto content = read_pfx_file(at);
  if (!content) return content.error();
  answer made;
  if (!content->chain.empty()) {
    made = described(content->chain.front());
    add_thumbprints(made, content->chain.front());
  }
  add_line(made, "Private key:", content->key == nullptr ? "none" : content->key->algorithm());
  add_line(made,
           "Friendly name:", content->friendly_name.empty() ? "none" : content->friendly_name);
  for (const auto& each : content->weaknesses) add_line(made, "Weakness:", each);
  for (const auto& each : content->ignored) add_line(made, "Not read:", each);
  made.facts["private_key"] =
      content->key == nullptr ? json(nullptr) : json(content->key->algorithm());
  made.facts["friendly_name"] = content->friendly_name;
  made.facts["weaknesses"] = content->weaknesses;
  auto& rows = made.facts["certificates"] = json::array();
  for (const auto* part : {&content->chain, &content->others})
    for (const auto& each : *part) rows.push_back(row_of(each));
  return made;
}

result<answer> import_pfx(context& at) {
  auto name = required(at, "out");
  if (!name) return name.error();
  if (auto free = expect_free(at, {*name + ".cer", *name + ".key", *name + ".chain.cer"}); !free)
    return free.error();
  auto content = read_pfx_file(at);
  if (!content) return content.error();
  auto whole = content->as_identity();
  if (!whole) return whole.error();
  auto chosen = read_password(at.call, key_password.name);
  if (!chosen) return chosen.error();
  const auto existing = at.call.has("overwrite") ? pki::if_exists::replace : pki::if_exists::refuse;
  if (auto done = pki::write_private_key(*name + ".key", *whole->key, *chosen, pki::encoding::pem,
                                         password_rules(), existing);
      !done)
    return done.error();
  const std::vector<pki::certificate> above(whole->chain.begin() + 1, whole->chain.end());
  if (!above.empty())
    if (auto done = write_certificates(at, *name + ".chain.cer", above); !done) return done.error();
  if (auto done = write_certificates(at, *name + ".cer", {whole->chain.front()}); !done)
    return done.error();
  auto made = described(whole->chain.front());
  add_thumbprints(made, whole->chain.front());
  made.facts["certificate_file"] = *name + ".cer";
  made.facts["private_key_file"] = *name + ".key";
  made.text +=
      "\nWrote " + *name + ".cer, the private key, encrypted, to " + *name + ".key" +
      (above.empty() ? "" : ", and those that lead to its root to " + *name + ".chain.cer") +
      ". Where they came from is for you to know: nothing in a PFX file is judged.";
  return made;
}

result<pki::identity> identity_of_files(const context& at) {
  auto certificate = required(at, "certificate");
  if (!certificate) return certificate.error();
  auto private_key = required(at, "private-key");
  if (!private_key) return private_key.error();
  auto all = certificates_of(*certificate);
  if (!all) return all.error();
  for (const auto& each : at.call.values("chain")) {
    auto more = certificates_of(each);
    if (!more) return more.error();
    all->insert(all->end(), more->begin(), more->end());
  }
  auto key = private_key_of(at, *private_key, "file-password");
  if (!key) return error(key.error()).with(fact::file, *private_key);
  if (!key->belongs_to(all->front()))
    return error(errc::invalid_argument)
        .with(fact::file, *private_key)
        .with(fact::reason, "the private key is not that of " + *certificate);
  return pki::identity{std::move(*all), std::make_shared<const pki::signing_key>(std::move(*key))};
}

result<answer> export_pfx(context& at) {
  const std::string path(at.call.operand(0));
  if (auto free = expect_free(at, {path}); !free) return free.error();
  auto whole = identity_of_files(at);
  if (!whole) return whole.error();
  auto chosen = read_password(at.call, options::new_pfx_password.name);
  if (!chosen) return chosen.error();
  pki::pfx_options how;
  how.rules = password_rules();
  how.friendly_name = at.call.value("name").value_or("");
  how.chain = !at.call.has("without-chain");
  how.encrypt_certificates = at.call.has("encrypt-certificates");
  const bool old = at.call.has(legacy);
  // Its name is the acknowledgement: for programs that read nothing else.
  auto content = old ? pki::write_pfx(*whole, *chosen,
                                      pki::pfx_legacy_encryption_i_accept_the_risk(
                                          keywarden::hazmat::insecure_access::i_know_what_i_do()),
                                      how)
                     : pki::write_pfx(*whole, *chosen, how);
  if (!content) return content.error();
  if (auto done = write_file(path, at.call.has("overwrite"), *content); !done) return done.error();
  answer made(
      "Wrote " + path + ": the private key and " +
      std::to_string(how.chain ? whole->chain.size() : 1) + " certificate(s), under the password." +
      (old ? " As old programs have it (PBE-SHA1-3DES, 2,048 rounds): delete it once it was "
             "imported."
           : ""));
  made.facts["file"] = path;
  made.facts["legacy"] = old;
  return made;
}

}  // namespace

std::vector<command> certificate_file_commands() {
  return {
      {"cert self-signed",
       {},
       {options::subject,
        {"purpose", kind::value, "USE", "server or encryption"},
        options::dns_names,
        options::ip_addresses,
        options::key_algorithm,
        options::days,
        options::expires,
        options::out,
        options::new_pfx_password},
       "Make a key and a self-signed certificate: NAME.cer and NAME.pfx. Needs no store.\n"
       "For a server, the names of --subject (\"CN=a.example.org, CN=*.b.example.org\") become DNS "
       "names.",
       self_signed},
      {"cert request",
       {},
       {options::subject, options::dns_names, options::ip_addresses, options::key_algorithm,
        options::out, key_password},
       "Make a key, and ask an authority for its certificate (PKCS#10): NAME.key and NAME.csr.\n"
       "The key stays with whom it belongs to: the authority never sees it.",
       request},
      {"cert thumbprint",
       {"[FILE]"},
       {{"text", kind::value, "TEXT", "a thumbprint, or several with commas, as they were copied"}},
       "Tell a certificate's SHA-1 and SHA-256 thumbprints.\n"
       "With --text alone: read what was pasted, and say what was left out or is wrong with it; "
       "with\nboth: whether it is this certificate's.",
       thumbprint},
      {"cert pfx export",
       {"OUTPUT"},
       {{"certificate", kind::value, "FILE", "the certificate, DER or PEM"},
        {"private-key", kind::value, "FILE", "its private key, PKCS#8, encrypted or not"},
        {"file-password", kind::password, "the private key's file", "needed if it is encrypted"},
        {"chain", kind::list, "FILE", "certificates that lead to its root (may be repeated)"},
        {"name", kind::value, "TEXT", "the friendly name that Windows shows"},
        {"without-chain", kind::flag, {}, "leave the certification path out"},
        {"encrypt-certificates", kind::flag, {}, "hide the certificates as well"},
        {legacy, kind::flag, {}, "PBE-SHA1-3DES, for programs before 2019"},
        options::overwrite,
        options::new_pfx_password},
       "Put a private key and its certificates into a PFX file (PKCS#12, AES-256).",
       export_pfx},
      {"cert pfx import",
       {"FILE"},
       {options::out, options::overwrite, options::pfx_password, key_password},
       "Take a PFX file apart: NAME.cer, NAME.key under a password, NAME.chain.cer.\n"
       "Into a certificate store instead: keywarden cert store import.",
       import_pfx},
      {"cert pfx show",
       {"FILE"},
       {options::pfx_password},
       "Show what a PFX file holds, and what is weak about it.",
       show_pfx},
  };
}

}  // namespace cli
