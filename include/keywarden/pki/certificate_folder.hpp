/// @file
/// Certificate stores on a file system: imported, found, exported, trusted.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/pki/certificate_folder_files.hpp>
#include <keywarden/pki/thumbprint.hpp>
#include <keywarden/pki/trust_anchors.hpp>

namespace keywarden::pki {

/// The certificates of a user or of a machine, in four stores (Windows' "My", "Root", "CA" and
/// "TrustedPeople"), for programs that have no vault: clients, and tools of administrators.
///
/// Each import, replacement and removal is one rename or unlink, synced: whoever is killed, all of
/// it has happened or nothing. Private keys are kept as PKCS#8 under a password of their own, mode
/// 0600; a thief of the files guesses at that password. Who can write the folder decides whom
/// everybody trusts who reads it: folders and files that others may write, or that belong to
/// somebody else than this account or root, are refused (`not_permitted`). Permissions of the
/// folders above are the system's business. Holds no secret and no open file; any thread, and
/// processes exclude each other while they write.
///
/// Errors of all operations: `not_permitted`, `io_failed`, `store_corrupt` for a damaged file;
/// writers also `store_busy`.
class certificate_folder {
 public:
  /// The most files in one store.
  static constexpr std::size_t max_count = detail::certificate_files::max_count;

  /// The folder of a location in its default place; it is made when something is imported. Errors:
  /// `not_found` without a home.
  [[nodiscard]] static result<certificate_folder> open(location where) {
    auto path = default_path(where);
    if (!path) return path.error();
    return certificate_folder(std::move(*path), where);
  }
  /// A folder somewhere else. A machine's folders are for all to read (mode 0755), a user's are not
  /// (0700).
  explicit certificate_folder(std::filesystem::path path, location where = location::user)
      : files_{std::move(path), where} {}

  /// The folder that holds the stores.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return files_.root; }

  /// Imports the public half, and gives the fingerprint to put into a configuration. One that is
  /// there already stays as it is, with its private key. Errors: `not_permitted` for
  /// `trusted_roots`, which takes a confirmation; `certificate_usage` for one in `authorities` that
  /// is not an authority's.
  [[nodiscard]] result<fingerprint> import(store_name into, const certificate& shown) const {
    if (into == store_name::trusted_roots)
      return error(errc::not_permitted)
          .with(fact::name, shown.subject())
          .with(fact::key, to_text(shown.fingerprint()))
          .with(fact::reason, "nobody confirmed that this root is trusted")
          .with(fact::next_step,
                "compare its SHA-256 fingerprint with its owner over another channel, and import "
                "it with i_confirm_this_root_is_trusted");
    return put_public(into, shown);
  }

  /// Imports a root that a person confirmed. Errors: `not_permitted` when the fingerprint that was
  /// compared is another's; `certificate_usage` when it is not an authority's.
  [[nodiscard]] result<fingerprint> import(const i_confirm_this_root_is_trusted& confirmed,
                                           const certificate& root) const {
    if (confirmed.compared() != root.fingerprint())
      return error(errc::not_permitted)
          .with(fact::name, root.subject())
          .with(fact::key, to_text(root.fingerprint()))
          .with(fact::reason, "the fingerprint that was compared is another certificate's")
          .with(fact::actual, to_text(confirmed.compared()))
          .with(fact::next_step, "do not trust it before its owner has confirmed its fingerprint");
    return put_public(store_name::trusted_roots, root);
  }

  /// Imports the one certificate of a .cer file, DER or PEM. Errors: as `import` and
  /// `read_certificates`; `invalid_argument` when the file holds several.
  [[nodiscard]] result<fingerprint> import_file(store_name into,
                                                const std::filesystem::path& file) const {
    auto all = read_certificates(file);
    if (!all) return all.error();
    if (all->size() != 1)
      return error(errc::invalid_argument)
          .with(fact::file, file.string())
          .with(fact::reason, "the file holds several certificates")
          .with(fact::actual, all->size());
    return import(into, all->front());
  }

  /// Imports a certificate with its private key, its path included, into `personal`; the key is
  /// kept under `protection`. Takes the place of the bare certificate; another copy with a private
  /// key only if `existing` says so. Errors: `invalid_argument` when the key is not the
  /// certificate's; `password_refused` by `rules`; `already_exists`.
  [[nodiscard]] result<fingerprint> import(const identity& own, const password& protection,
                                           const password_policy& rules = {},
                                           if_exists existing = if_exists::refuse) const {
    if (own.key == nullptr || own.chain.empty() || !own.key->belongs_to(own.chain.front()))
      return error(errc::invalid_argument)
          .with(fact::reason, "the private key is not the certificate's");
    const auto shown = own.chain.front().fingerprint();
    const auto key = encode_private_key(*own.key, protection, encoding::pem, rules);
    if (!key) return key.error();
    const auto data = detail::encode_entry(own.chain, *key);
    if (auto fits = detail::decode_entry(data, shown); !fits || data.size() > detail::max_entry)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificates that lead to the anchor")
          .with(fact::actual, own.chain.size());
    return files_.writing(store_name::personal, [&](const folder& place) -> result<fingerprint> {
      auto present = files_.read(place, shown);
      if (!present && !(present.error() == errc::not_found)) return present.error();
      if (present && present->found.has_private_key && existing == if_exists::refuse)
        return error(errc::already_exists)
            .with(fact::name, own.chain.front().subject())
            .with(fact::key, to_text(shown));
      return files_.write(place, shown, data, 0600);
    });
  }

  /// Everything in a store; what is no certificate of it is listed as well, with the reason.
  /// Errors: `limit_exceeded`.
  [[nodiscard]] result<store_listing> list(store_name in) const {
    store_listing all;
    auto place = files_.reading(in);
    if (!place) return place.error();
    if (!*place) return all;
    auto names = (*place)->names();
    if (!names) return names.error();
    if (names->size() > max_count + 1)
      return error(errc::limit_exceeded)
          .with(fact::file, (*place)->path())
          .with(fact::limit, max_count)
          .with(fact::actual, names->size());
    for (auto& each : *names) {
      if (detail::certificate_files::is_own(each)) continue;
      const auto of = detail::fingerprint_of_entry(each);
      if (!of) {
        auto why = error(errc::store_corrupt)
                       .with(fact::file, (*place)->path_of(each))
                       .with(fact::reason, "it was not imported")
                       .with(fact::next_step, "import it, and remove the file");
        all.foreign.push_back({std::move(each), std::move(why)});
      } else if (auto found = files_.read(**place, *of)) {
        all.certificates.push_back(std::move(found->found));
      } else if (!(found.error() == errc::not_found)) {  // else: removed just now
        all.foreign.push_back({std::move(each), found.error()});
      }
    }
    return all;
  }

  /// Errors: `not_found`.
  [[nodiscard]] result<stored_certificate> find(store_name in, const fingerprint& of) const {
    auto found = files_.entry(in, of);
    if (!found) return found.error();
    return std::move(found->found);
  }
  /// By a thumbprint, SHA-1 or better. Errors: `not_found`; `not_permitted` when two certificates
  /// have the same one, which SHA-1 does not prevent.
  [[nodiscard]] result<stored_certificate> find(store_name in, const thumbprint& of) const {
    auto all = list(in);
    if (!all) return all.error();
    std::optional<stored_certificate> found;
    for (auto& each : all->certificates) {
      if (!of.matches(each.shown)) continue;
      if (found)
        return error(errc::not_permitted)
            .with(fact::key, of.text())
            .with(fact::reason, "two certificates have this thumbprint")
            .with(fact::next_step, "give the SHA-256 fingerprint");
      found = std::move(each);
    }
    if (found) return std::move(*found);
    auto missing = files_.absent(in).with(fact::key, of.text());
    for (auto& each : all->foreign) missing = std::move(missing).because(std::move(each.why));
    return missing;
  }
  /// By a thumbprint as a person pasted it. Errors: also those of `thumbprint::parse`.
  [[nodiscard]] result<stored_certificate> find(store_name in, std::string_view pasted) const {
    auto parsed = thumbprint::parse(pasted);
    if (!parsed) return parsed.error();
    return find(in, parsed->value);
  }
  /// All whose common name, or whole subject, is exactly this.
  [[nodiscard]] result<std::vector<stored_certificate>> find_subject(
      store_name in, std::string_view subject) const {
    auto all = list(in);
    if (!all) return all.error();
    std::erase_if(all->certificates, [&](const stored_certificate& each) {
      return each.shown.common_name() != subject && each.shown.subject() != subject;
    });
    return std::move(all->certificates);
  }

  /// One's own certificate with its private key, open. Errors: `not_found`, also without a private
  /// key; `authentication_failed` for a wrong password.
  [[nodiscard]] result<identity> load_identity(const fingerprint& of,
                                               const password& protection) const {
    auto found = files_.entry(store_name::personal, of);
    if (!found) return found.error();
    if (found->encrypted_key.empty())
      return error(errc::not_found)
          .with(fact::kind, "private key")
          .with(fact::name, found->found.shown.subject())
          .with(fact::next_step, "import it with its private key");
    auto key = decode_private_key(found->encrypted_key, &protection);
    if (!key) return error(key.error()).with(fact::key, to_text(of));
    if (!key->belongs_to(found->found.shown))
      return error(errc::store_corrupt)
          .with(fact::key, to_text(of))
          .with(fact::reason, "the private key is not the certificate's");
    identity made{{std::move(found->found.shown)},
                  std::make_shared<const signing_key>(std::move(*key))};
    for (auto& each : found->found.path) made.chain.push_back(std::move(each));
    return made;
  }

  /// Writes the public half to a .cer file. Errors: `not_found`; as `write_certificate`.
  [[nodiscard]] result<void> export_certificate(store_name in, const fingerprint& of,
                                                const std::filesystem::path& to, encoding as,
                                                if_exists existing = if_exists::refuse) const {
    auto found = files_.entry(in, of);
    if (!found) return found.error();
    return write_certificate(to, found->found.shown, as, existing);
  }
  /// Writes the private key to a file, under a password of that file. Errors: as `load_identity`
  /// and `write_private_key`.
  [[nodiscard]] result<void> export_private_key(const fingerprint& of, const password& protection,
                                                const std::filesystem::path& to,
                                                const password& of_file, encoding as,
                                                const password_policy& rules = {},
                                                if_exists existing = if_exists::refuse) const {
    auto own = load_identity(of, protection);
    if (!own) return own.error();
    return write_private_key(to, *own->key, of_file, as, rules, existing);
  }

  /// Removes a certificate, with its private key if it is there; also a damaged one. Errors:
  /// `not_found`.
  [[nodiscard]] result<void> remove(store_name from, const fingerprint& of) const {
    auto there = files_.reading(from);
    if (!there) return there.error();
    if (!*there) return files_.absent(from).with(fact::key, to_text(of));
    return files_.writing(from, [&](const folder& place) -> result<void> {
      const auto name = detail::entry_name(of);
      auto present = place.contains(name);
      if (!present) return present.error();
      if (!*present) return files_.absent(from).with(fact::key, to_text(of));
      if (auto gone = place.remove(name); !gone) return gone;
      return place.sync();
    });
  }

  /// The trusted roots, as they are now. A file there that is no imported root stops it: nobody is
  /// to wonder why something is, or is not, trusted. Errors: `store_corrupt`; as
  /// `trust_anchors::of`.
  [[nodiscard]] result<trust_anchors> anchors() const {
    auto all = list(store_name::trusted_roots);
    if (!all) return all.error();
    if (!all->foreign.empty()) {
      auto stop = error(errc::store_corrupt)
                      .with(fact::kind, name_of(store_name::trusted_roots))
                      .with(fact::actual, all->foreign.size());
      return std::move(stop).because(std::move(all->foreign.front().why));
    }
    std::vector<certificate> roots;
    for (auto& each : all->certificates) roots.push_back(std::move(each.shown));
    return trust_anchors::of(std::move(roots));
  }

 private:
  using folder = detail::certificate_files::folder;

  [[nodiscard]] result<fingerprint> put_public(store_name into, const certificate& shown) const {
    const bool for_authorities =
        into == store_name::trusted_roots || into == store_name::authorities;
    if (for_authorities && !shown.is_authority())
      return error(errc::certificate_usage)
          .with(fact::name, shown.subject())
          .with(fact::reason, "it is not an authority's certificate")
          .with(fact::next_step, "import it into trusted_people, and pin its fingerprint");
    return files_.writing(into, [&](const folder& place) -> result<fingerprint> {
      auto present = files_.read(place, shown.fingerprint());
      if (present) return shown.fingerprint();
      if (!(present.error() == errc::not_found)) return present.error();
      return files_.write(place, shown.fingerprint(), detail::encode_entry({shown}), 0644);
    });
  }

  detail::certificate_files files_;
};

}  // namespace keywarden::pki
