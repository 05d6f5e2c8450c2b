// cert: certificates of instances: made, shown, exchanged, imported, and how their private keys are
// kept.

#include <array>

#include <keywarden/pki/certificate_store.hpp>
#include <keywarden/pki/expiry.hpp>

#include "certificates.hpp"
#include "commands.hpp"
#include "own_password.hpp"
#include "session.hpp"

namespace cli {

using keywarden::password;
using keywarden::result;
using keywarden::time_point;
using keywarden::pki::to_text;
using kind = option::kind;

namespace by = keywarden::by;
namespace pki = keywarden::pki;

namespace {

constexpr option private_key_file{"private-key", kind::value, "FILE",
                                  "its private key, PKCS#8, DER or PEM, encrypted or not"};
constexpr option private_key_file_password{"file-password", kind::password,
                                           "the private key's file", "needed if it is encrypted"};
constexpr option own_password{
    "own-password",
    kind::flag,
    {},
    "keep the private key under a password of its own instead of the database master key"};
constexpr option fresh_password{"new-password", kind::new_password, "the private key", {}};
constexpr option as_pem{"pem", kind::flag, {}, "PEM text instead of DER"};
constexpr option output{"output", kind::value, "FILE", "where the certificate goes"};

result<std::optional<time_point>> date_option(const context& at, std::string_view name) {
  const auto text = at.call.value(name);
  if (!text) return std::optional<time_point>();
  auto date = parse_date(*text);
  if (!date) return date.error();
  return std::optional(*date);
}

result<std::optional<password>> chosen_password(const context& at) {
  if (!at.call.has(own_password.name) && !at.call.has(fresh_password.name))
    return std::optional<password>();
  auto read = read_password(at.call, fresh_password.name);
  if (!read) return read.error();
  return std::optional<password>(std::move(*read));
}

std::string_view people_say(keywarden::private_key_protection protection) {
  switch (protection) {
    case keywarden::private_key_protection::none:
      return "none: only the public part is here";
    case keywarden::private_key_protection::master_key:
      return "under the database master key";
    case keywarden::private_key_protection::password:
      return "under a password of its own";
  }
  return {};
}

/// The same with how its private key is kept.
answer described(const pki::certificate& one, keywarden::private_key_protection protection) {
  auto made = cli::described(one);
  add_line(made, "Private key:", people_say(protection));
  made.facts["private_key"] = name_of(protection);
  return made;
}

using with_certificates =
    std::function<result<answer>(decltype(std::declval<database&>().certificates()),
                                 const keywarden::object_name&, const password* own)>;

result<answer> with_certificate(context& at, const with_certificates& use) {
  auto name = name_operand(at, 1);
  if (!name) return name.error();
  return with_keys(at, [&](database& in, const password* own) -> result<answer> {
    auto needed = given_password_needed(at, in.certificates(), *name, own);
    if (!needed) return needed.error();
    return use(in.certificates(), *name, own);
  });
}

template <class Algorithm>
result<pki::certificate> make(decltype(std::declval<database&>().certificates()) store,
                              const keywarden::object_name& name,
                              const pki::certificate_options& options,
                              const std::optional<password>& protection) {
  const auto now = keywarden::system_clock::now();
  if (!protection) return pki::create_certificate<Algorithm>(store, name, options, now);
  return pki::create_certificate<Algorithm>(store, name, options, now,
                                            by::password{protection->duplicate()});
}

result<answer> create(context& at) {
  auto subject = required(at, "subject");
  if (!subject) return subject.error();
  auto start = date_option(at, "start");
  if (!start) return start.error();
  auto expiry = date_option(at, "expires");
  if (!expiry) return expiry.error();
  auto protection = chosen_password(at);
  if (!protection) return protection.error();
  const auto algorithm = at.call.value("algorithm").value_or("p256");
  const pki::certificate_options options{*subject, at.call.values("dns"), at.call.values("ip"),
                                         *start, *expiry};
  return with_certificate(at, [&](auto store, const auto& name, const password*) -> result<answer> {
    auto made = [&]() -> result<pki::certificate> {
      if (algorithm == "p256") return make<pki::ecdsa_p256>(store, name, options, *protection);
      if (algorithm == "p384") return make<pki::ecdsa_p384>(store, name, options, *protection);
      if (algorithm == "rsa") return make<pki::rsa<3072>>(store, name, options, *protection);
      return usage_error("--algorithm takes p256, p384 or rsa", "");
    }();
    if (!made) return made.error();
    return described(*made, *protection ? keywarden::private_key_protection::password
                                        : keywarden::private_key_protection::master_key);
  });
}

result<answer> list(context& at) {
  return in_database(at, [](database& in) -> result<answer> {
    auto all = pki::list_certificates(in.certificates());
    if (!all) return all.error();
    answer made;
    auto& rows = made.facts["certificates"] = json::array();
    for (const auto& each : *all) {
      const auto warning = pki::expiry_warning(each.shown, keywarden::system_clock::now());
      rows.push_back({{"name", each.name},
                      {"subject", each.shown.subject()},
                      {"expires", to_text(each.shown.not_after())},
                      {"days_left", days_left(each.shown)},
                      {"private_key", name_of(each.protection)},
                      {"warning", !warning           ? ""
                                  : warning->expired ? "expired"
                                                     : "renew soon"}});
    }
    if (all->empty()) made.text = "none";
    return made;
  });
}

result<answer> show(context& at) {
  return with_certificate(
      at, [](auto store, const auto& name, const password* own) -> result<answer> {
        auto protection = store.protection(name);
        if (!protection) return protection.error();
        auto found = pki::show_certificate(store, name, own);
        if (!found) return found.error();
        auto made = described(found->shown, *protection);
        made.facts["verified"] = found->authentic;
        if (!found->authentic)
          made.text += "\nNot verified: the record is under a password that was not given.";
        return made;
      });
}

result<answer> inspect(context& at) {
  auto all = certificates_of(std::string(at.call.operand(0)));
  if (!all) return all.error();
  return cli::described(all->front());
}

result<answer> export_certificate(context& at) {
  auto path = required(at, "output");
  if (!path) return path.error();
  const auto as = at.call.has("pem") ? pki::encoding::pem : pki::encoding::der;
  const auto existing = at.call.has("overwrite") ? pki::if_exists::replace : pki::if_exists::refuse;
  const auto key_path = at.call.value("private-key");
  std::optional<password> file_password;
  if (key_path) {
    auto read = read_password(at.call, "export-password");
    if (!read) return read.error();
    file_password = std::move(*read);
  }
  return with_certificate(
      at, [&](auto store, const auto& name, const password* own) -> result<answer> {
        std::optional<pki::identity> whole;
        if (key_path) {
          auto loaded = pki::load_identity(store, name, own);
          if (!loaded) return loaded.error();
          whole = std::move(*loaded);
        }
        auto shown = pki::export_public(store, name, *path, as, existing, own);
        if (!shown) return shown.error();
        answer made(pki::exchange_text(*shown, *path));
        made.text.pop_back();
        made.facts["file"] = *path;
        made.facts["sha256"] = to_text(shown->fingerprint());
        if (!whole) return made;
        if (auto written = pki::write_private_key(*key_path, *whole->key, *file_password, as,
                                                  password_rules(), existing);
            !written)
          return written.error();
        made.text += "\nWrote the private key, encrypted, to " + *key_path + ".";
        made.facts["private_key_file"] = *key_path;
        return made;
      });
}

result<answer> import_certificate(context& at) {
  auto path = required(at, "certificate");
  if (!path) return path.error();
  auto all = certificates_of(*path);
  if (!all) return all.error();
  const auto& one = all->front();
  if (const auto expected = at.call.value("fingerprint")) {
    auto compared = pki::parse_fingerprint(*expected);
    if (!compared) return compared.error();
    if (*compared != one.fingerprint())
      return keywarden::error(keywarden::errc::certificate_untrusted)
          .with(keywarden::fact::file, *path)
          .with(keywarden::fact::actual, to_text(one.fingerprint()))
          .with(keywarden::fact::reason, "the file's fingerprint is another one")
          .with(keywarden::fact::next_step, "get the file again from the other instance");
  }
  const auto key_path = at.call.value("private-key");
  keywarden::secret_key pkcs8;
  std::optional<password> protection;
  if (key_path) {
    auto key = private_key_of(at, *key_path, private_key_file_password.name);
    if (!key) return key.error();
    auto plain = key->to_pkcs8();
    if (!plain) return plain.error();
    pkcs8 = std::move(*plain);
    auto chosen = chosen_password(at);
    if (!chosen) return chosen.error();
    protection = std::move(*chosen);
  }
  return with_certificate(at, [&](auto store, const auto& name, const password*) -> result<answer> {
    const auto kept = [&]() -> result<void> {
      if (!key_path) return store.import_public(name, one.der());
      if (!protection) return store.import(name, one.der(), pkcs8);
      return store.import(name, one.der(), pkcs8, by::password{protection->duplicate()});
    }();
    if (!kept) return kept.error();
    return described(one, !key_path    ? keywarden::private_key_protection::none
                          : protection ? keywarden::private_key_protection::password
                                       : keywarden::private_key_protection::master_key);
  });
}

result<answer> attach(context& at) {
  auto path = required(at, "private-key");
  if (!path) return path.error();
  auto key = private_key_of(at, *path, private_key_file_password.name);
  if (!key) return key.error();
  auto pkcs8 = key->to_pkcs8();
  if (!pkcs8) return pkcs8.error();
  auto protection = chosen_password(at);
  if (!protection) return protection.error();
  return with_certificate(at, [&](auto store, const auto& name, const password* own) {
    return said(store.attach_private_key(name, *pkcs8, *protection ? &**protection : nullptr, own),
                name.text() +
                    " has its private key now. Delete the key's file, or keep it somewhere safe.");
  });
}

/// What `certificate` does as well, under the shorter name.
void adopt(std::vector<command>& all, std::string_view from, std::string_view name,
           std::string_view help) {
  for (auto& each : private_key_commands())
    if (each.name == from) {
      each.name = name;
      each.help = help;
      all.push_back(std::move(each));
      return;
    }
}

}  // namespace

std::vector<command> certificate_commands() {
  const std::vector<std::string_view> one{"DATABASE", "NAME"};
  std::vector<command> all{
      {"cert create",
       one,
       {{"subject", kind::value, "TEXT", "whom it names, at most 64 bytes"},
        {"dns", kind::list, "NAME", "a host name, or *.DOMAIN (may be repeated)"},
        {"ip", kind::list, "ADDRESS", "an IP address (may be repeated)"},
        {"algorithm", kind::value, "KIND", "p256 (the default), p384 or rsa (3072 bits)"},
        {"start", kind::value, "YYYY-MM-DD", "now by default"},
        {"expires", kind::value, "YYYY-MM-DD", "one year after the start by default"},
        own_password,
        fresh_password,
        options::master_key_password},
       "Make a private key and a self-signed certificate for an instance.",
       create},
      {"cert list", {"DATABASE"}, {}, "List certificates, and which must be renewed.", list},
      {"cert show",
       one,
       {options::master_key_password, options::key_password},
       "Show a certificate, its fingerprint, and how its private key is protected.",
       show},
      {"cert inspect",
       {"FILE"},
       {},
       "Show a certificate in a file, for comparing its fingerprint before importing it.",
       inspect},
      {"cert export",
       one,
       {output,
        as_pem,
        {"private-key", kind::value, "FILE", "write the private key as well, encrypted, to FILE"},
        {"export-password", kind::new_password, "the private key's file", {}},
        options::overwrite,
        options::master_key_password,
        options::key_password},
       "Write a certificate to a file, for other instances.",
       export_certificate},
      {"cert import",
       one,
       {{"certificate", kind::value, "FILE", "the certificate, DER or PEM"},
        {"fingerprint", kind::value, "SHA-256",
         "import only if the file has this fingerprint, told over another channel"},
        private_key_file,
        private_key_file_password,
        own_password,
        fresh_password,
        options::master_key_password},
       "Import another instance's certificate, or one with its private key.",
       import_certificate},
      {"cert attach-private-key",
       one,
       {private_key_file, private_key_file_password, own_password, fresh_password,
        options::master_key_password, options::key_password},
       "Give a certificate that has none its private key.",
       attach},
  };
  adopt(all, "certificate change-protection", "cert change-protection",
        "Change what opens a certificate's private key.");
  adopt(all, "certificate remove-private-key", "cert remove-private-key",
        "Forget a private key, keep the certificate.");
  adopt(all, "certificate drop", "cert drop",
        "Drop a certificate. Refused while a symmetric key is protected by it.");
  return all;
}

}  // namespace cli
