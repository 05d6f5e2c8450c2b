// cert store: the certificates of a user or of a machine, outside of any vault.

#include <algorithm>

#include <keywarden/pki/certificate_folder.hpp>
#include <keywarden/pki/pfx.hpp>

#include "advice.hpp"
#include "certificates.hpp"
#include "commands.hpp"
#include "files.hpp"

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

constexpr option of_location{"location", kind::value, "WHOSE",
                             "user (the default) or machine, for programs of every user"};
constexpr option at_folder{"folder", kind::value, "PATH", "another folder than the location's own"};
constexpr option in_store{"store", kind::value, "STORE",
                          "personal, trusted-roots, authorities or trusted-people"};
constexpr option key_password{"key-password", kind::password, "the private key in the store", {}};

result<pki::certificate_folder> folder_of(const context& at) {
  const auto where = at.call.value(of_location.name).value_or("user");
  if (where != "user" && where != "machine")
    return usage_error("--location takes user or machine", "cert store");
  const auto location = where == "user" ? pki::location::user : pki::location::machine;
  if (const auto path = at.call.value(at_folder.name))
    return pki::certificate_folder(*path, location);
  return pki::certificate_folder::open(location);
}

result<pki::store_name> store_of(const context& at) {
  auto text = required(at, in_store.name);
  if (!text) return text.error();
  std::ranges::replace(*text, '-', '_');
  const auto found = pki::store_of(*text);
  if (!found)
    return usage_error("--store takes personal, trusted-roots, authorities or trusted-people",
                       "cert store");
  return *found;
}

std::string as_typed(pki::store_name which) {
  std::string name(name_of(which));
  std::ranges::replace(name, '_', '-');
  return name;
}

/// The one that the operand names, as its thumbprint was copied.
result<pki::stored_certificate> found_in(const pki::certificate_folder& folder,
                                         pki::store_name which, const context& at) {
  auto found = folder.find(which, at.call.operand(0));
  if (found || !(found.error() == errc::not_found)) return found;
  return with_next(found.error(), "keywarden cert store list --store " + as_typed(which));
}

json stored_row(const pki::stored_certificate& one) {
  auto row = row_of(one.shown);
  const auto sha256 = row["sha256"];
  row.erase("sha256");
  row["private_key"] = one.has_private_key;
  row["sha256"] = sha256;
  return row;
}

result<answer> list(context& at) {
  auto folder = folder_of(at);
  if (!folder) return folder.error();
  auto which = store_of(at);
  if (!which) return which.error();
  auto all = folder->list(*which);
  if (!all) return all.error();
  answer made(all->certificates.empty() ? "none" : "");
  auto& rows = made.facts["certificates"] = json::array();
  for (const auto& each : all->certificates) rows.push_back(stored_row(each));
  auto foreign = json::array();
  for (const auto& each : all->foreign) {
    foreign.push_back(each.name);
    if (!at.for_machines()) note(printable(each.name) + ": " + each.why.message());
  }
  if (at.for_machines()) made.facts["foreign"] = foreign;
  return made;
}

result<answer> find(context& at) {
  auto folder = folder_of(at);
  if (!folder) return folder.error();
  auto which = store_of(at);
  if (!which) return which.error();
  const auto subject = at.call.value("subject");
  const bool by_thumbprint = !at.call.operands().empty();
  if (by_thumbprint == subject.has_value())
    return usage_error("give a THUMBPRINT or --subject", "cert store find");
  if (subject) {
    auto all = folder->find_subject(*which, *subject);
    if (!all) return all.error();
    if (all->empty())
      return error(errc::not_found)
          .with(fact::kind, as_typed(*which))
          .with(fact::name, *subject)
          .with(fact::next_step, "keywarden cert store list --store " + as_typed(*which));
    answer made;
    auto& rows = made.facts["certificates"] = json::array();
    for (const auto& each : *all) rows.push_back(stored_row(each));
    return made;
  }
  auto found = found_in(*folder, *which, at);
  if (!found) return found.error();
  auto made = described(found->shown);
  add_thumbprints(made, found->shown);
  add_line(made, "Private key:", found->has_private_key ? "under its password" : "not here");
  made.facts["private_key"] = found->has_private_key;
  return made;
}

answer imported(const pki::certificate& one, pki::store_name into) {
  auto made = described(one);
  add_thumbprints(made, one);
  made.facts["store"] = name_of(into);
  made.text += "\nImported into " + as_typed(into) + ".";
  return made;
}

result<answer> import_root(const context& at, const pki::certificate_folder& folder,
                           const pki::certificate& root) {
  const auto text = at.call.value("confirm");
  if (!text) {
    auto refused = folder.import(pki::store_name::trusted_roots, root);
    return with_next(refused ? error(errc::not_permitted) : refused.error(),
                     "ask its owner for its SHA-256 fingerprint, over another channel, and give "
                     "what you are told: --confirm FINGERPRINT");
  }
  auto read = pki::thumbprint::parse(*text);
  if (!read) return as_usage(read.error());
  if (read->value.algorithm() != pki::thumbprint_algorithm::sha256)
    return error(errc::not_permitted)
        .with(fact::name, root.subject())
        .with(fact::reason, "a " + std::string(name_of(read->value.algorithm())) +
                                " thumbprint confirms no root: give its SHA-256 fingerprint")
        .with(fact::next_step, "its owner reads it with: keywarden cert inspect FILE");
  pki::fingerprint compared;
  keywarden::copy_bytes(compared.view(), read->value.view());
  auto done = folder.import(pki::i_confirm_this_root_is_trusted(compared), root);
  if (!done) return done.error();
  return imported(root, pki::store_name::trusted_roots);
}

/// A private key with its certificates, into `personal`.
result<answer> import_whole(const context& at, const pki::certificate_folder& folder,
                            const std::string& path) {
  auto content = read_file(path, pki::pfx_limits{}.size);
  if (!content) return content.error();
  auto opening = read_password(at.call, options::pfx_password.name);
  if (!opening) return opening.error();
  auto read = pki::read_pfx(content->view(), *opening);
  if (!read) return error(read.error()).with(fact::file, path);
  auto whole = read->as_identity();
  if (!whole) return whole.error();
  const bool fresh = at.call.has("new-key-password");
  if (fresh) {
    auto chosen = read_password(at.call, "new-key-password");
    if (!chosen) return chosen.error();
    opening = std::move(*chosen);
  }
  const auto existing = at.call.has("overwrite") ? pki::if_exists::replace : pki::if_exists::refuse;
  auto done = folder.import(*whole, *opening, password_rules(), existing);
  if (!done)
    return done.error() == errc::already_exists ? with_next(done.error(), "--overwrite replaces it")
                                                : done.error();
  auto made = imported(whole->chain.front(), pki::store_name::personal);
  made.text += fresh ? " Its private key is under the new password."
                     : " Its private key is under the PFX file's password.";
  for (const auto& each : read->weaknesses) note("the PFX file is weak: " + each);
  return made;
}

result<answer> import_file(context& at) {
  auto folder = folder_of(at);
  if (!folder) return folder.error();
  auto which = store_of(at);
  if (!which) return which.error();
  const std::string path(at.call.operand(0));
  if (at.call.has("confirm") && *which != pki::store_name::trusted_roots)
    return usage_error("--confirm goes with --store trusted-roots", "cert store import");
  if (is_pfx(path)) {
    if (*which != pki::store_name::personal)
      return usage_error("a PFX file holds a private key, which is kept in personal only",
                         "cert store import");
    return import_whole(at, *folder, path);
  }
  auto all = certificates_of(path);
  if (!all) return all.error();
  if (all->size() != 1)
    return error(errc::invalid_argument)
        .with(fact::file, path)
        .with(fact::reason, "the file holds several certificates")
        .with(fact::actual, all->size());
  const auto& one = all->front();
  if (*which == pki::store_name::trusted_roots) return import_root(at, *folder, one);
  if (auto done = folder->import(*which, one); !done) return done.error();
  return imported(one, *which);
}

result<answer> export_whole(const context& at, const pki::certificate_folder& folder,
                            const pki::stored_certificate& found, const std::string& path) {
  if (!found.has_private_key)
    return error(errc::not_found)
        .with(fact::kind, "private key")
        .with(fact::name, found.shown.subject())
        .with(fact::next_step, "export its public part: --output FILE.cer");
  auto opening = read_password(at.call, key_password.name);
  if (!opening) return opening.error();
  auto whole = folder.load_identity(found.shown.fingerprint(), *opening);
  if (!whole) return whole.error();
  auto chosen = read_password(at.call, options::new_pfx_password.name);
  if (!chosen) return chosen.error();
  pki::pfx_options how;
  how.friendly_name = found.shown.common_name();
  if (auto done = write_pfx_file(at, path, *whole, *chosen, how); !done) return done.error();
  answer made("Wrote " + path + ": the private key and " + std::to_string(whole->chain.size()) +
              " certificate(s), under the password.");
  made.facts["file"] = path;
  return made;
}

result<answer> export_one(context& at) {
  auto folder = folder_of(at);
  if (!folder) return folder.error();
  auto which = store_of(at);
  if (!which) return which.error();
  auto path = required(at, "output");
  if (!path) return path.error();
  if (auto free = expect_free(at, {*path}); !free) return free.error();
  auto found = found_in(*folder, *which, at);
  if (!found) return found.error();
  if (is_pfx(*path)) return export_whole(at, *folder, *found, *path);
  std::vector<pki::certificate> all{found->shown};
  if (at.call.has("with-chain")) all.insert(all.end(), found->path.begin(), found->path.end());
  if (auto done = write_certificates(at, *path, all); !done) return done.error();
  answer made(pki::exchange_text(found->shown, *path));
  made.facts = {{"file", *path}, {"sha256", to_text(found->shown.fingerprint())}};
  return made;
}

result<answer> remove(context& at) {
  auto folder = folder_of(at);
  if (!folder) return folder.error();
  auto which = store_of(at);
  if (!which) return which.error();
  auto found = found_in(*folder, *which, at);
  if (!found) return found.error();
  return said(folder->remove(*which, found->shown.fingerprint()),
              "Removed " + printable(found->shown.subject()) + " from " + as_typed(*which) +
                  (found->has_private_key ? ", with its private key." : "."));
}

}  // namespace

std::vector<command> certificate_folder_commands() {
  return {
      {"cert store list",
       {},
       {in_store, of_location, at_folder},
       "List the certificates of a store: a user's, or the machine's.",
       list},
      {"cert store find",
       {"[THUMBPRINT]"},
       {in_store,
        {"subject", kind::value, "TEXT", "all with this common name, or whole subject"},
        of_location,
        at_folder},
       "Find a certificate by its thumbprint as it was copied, or by its subject.",
       find},
      {"cert store import",
       {"FILE"},
       {in_store,
        {"confirm", kind::value, "SHA-256",
         "the fingerprint of a root, as its owner told it over another channel"},
        of_location,
        at_folder,
        options::overwrite,
        options::pfx_password,
        {"new-key-password", kind::new_password, "the private key in the store",
         "if it is not to be the PFX file's"}},
       "Import a certificate (.cer), or one with its private key (.pfx, into personal).\n"
       "Tells the thumbprints that a configuration takes. A trusted root is believed about every "
       "name,\nso it wants --confirm.",
       import_file},
      {"cert store export",
       {"THUMBPRINT"},
       {in_store,
        {"output", kind::value, "FILE", "FILE.cer, or FILE.pfx with the private key and its path"},
        {"with-chain", kind::flag, {}, "in FILE.cer, those that lead to its root as well"},
        of_location,
        at_folder,
        options::overwrite,
        key_password,
        options::new_pfx_password},
       "Export a certificate; with its private key under a new password.",
       export_one},
      {"cert store remove",
       {"THUMBPRINT"},
       {in_store, of_location, at_folder},
       "Remove a certificate, with its private key if that is there.",
       remove},
  };
}

}  // namespace cli
