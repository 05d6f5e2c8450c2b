/// @file
/// PFX files (PKCS#12, RFC 7292): a private key and its certificates under one password.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <botan/pkcs12.h>

#include <keywarden/pki/path_candidates.hpp>
#include <keywarden/pki/pfx_reader.hpp>

namespace keywarden::pki {

/// What a PFX file holds. Nothing in it is judged: whether its certificates are to be trusted is
/// for trust anchors or a thumbprint to say.
struct pfx_content {
  std::shared_ptr<const signing_key> key;  ///< none in a file of certificates only
  /// The key's certificate and those that lead from it to its root, as far as they are there, by
  /// names and key identifiers; empty where there is no key or none of the certificates is its.
  std::vector<certificate> chain;
  std::vector<certificate> others;  ///< the rest, in the file's order
  std::string friendly_name;        ///< of the key, or of its certificate; written by a stranger
  bytes local_key_id;               ///< what ties the key to its certificate; empty without one
  bool authenticated = true;        ///< false only without a MAC
  std::vector<std::string> weaknesses;  ///< what is weaker than what is written here, as clauses
  std::vector<std::string> ignored;     ///< kinds of entries that are neither, such as secrets

  /// The identity of an instance. Errors: `not_found` without a key or without its certificate.
  [[nodiscard]] result<identity> as_identity() const {
    if (key != nullptr && !chain.empty()) return identity{chain, key};
    return detail::pfx_refusal(errc::not_found,
                               key == nullptr ? "it holds certificates only, no private key"
                                              : "none of its certificates is the private key's")
        .with(fact::next_step, "export it again, with the private key and its certificate");
  }
};

namespace detail {

/// Puts certificates in their order. May throw.
inline void arrange(pfx_content& made, std::vector<pfx_certificate>& from) {
  const auto take = [&](auto which) {
    made.chain.push_back(std::move(which->value));
    from.erase(which);
  };
  if (made.key != nullptr) {
    // A renewed certificate may be of the same key: the file says which one goes with it.
    const auto own = [&](const pfx_certificate& each) { return made.key->belongs_to(each.value); };
    auto leaf = std::ranges::find_if(from, [&](const pfx_certificate& each) {
      return !made.local_key_id.empty() && each.attributes.local_key_id == made.local_key_id &&
             own(each);
    });
    if (leaf == from.end()) leaf = std::ranges::find_if(from, own);
    if (leaf != from.end()) {
      if (made.friendly_name.empty()) made.friendly_name = leaf->attributes.friendly_name;
      if (made.local_key_id.empty()) made.local_key_id = leaf->attributes.local_key_id;
      take(leaf);
    }
  }
  while (!made.chain.empty() && !made.chain.back().is_self_signed()) {
    const auto issuer = std::ranges::find_if(from, [&](const pfx_certificate& each) {
      return fits_by_name(made.chain.back().x509(), each.value.x509());
    });
    if (issuer == from.end()) break;
    take(issuer);
  }
  for (auto& each : from)
    if (std::ranges::find(made.chain, each.value) == made.chain.end())
      made.others.push_back(std::move(each.value));
}

/// Errors: `truncated`; `malformed` for what is no BER at all or has bytes behind it.
[[nodiscard]] inline result<void> expect_whole_pfx(bytes_view file) {
  if (file.size() < 2) return pfx_refusal(errc::truncated, "it is empty");
  if (as_text(file).starts_with("-----BEGIN"))
    return pfx_refusal(errc::malformed, "it is PEM, not PKCS#12")
        .with(fact::next_step, "read it as a certificate or as a private key");
  if (file[0] != 0x30) return pfx_refusal(errc::malformed, "it is not PKCS#12");
  const std::size_t count = file[1] & 0x7fU;
  if (file[1] == 0x80) return done();  // BER that says its end at its end
  if (file[1] > 0x84) return pfx_refusal(errc::malformed, "it is not PKCS#12");
  std::size_t size = 2 + count;
  if (file[1] > 0x80) {
    if (file.size() < size) return pfx_refusal(errc::truncated, "it ends within its length");
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length * 256 + file[2 + i];
    size += length;
  }
  if (file.size() == size) return done();
  return pfx_refusal(file.size() < size ? errc::truncated : errc::malformed,
                     file.size() < size ? "it ends too early" : "bytes follow it")
      .with(fact::limit, size)
      .with(fact::actual, file.size());
}

[[nodiscard]] inline result<pfx_content> read_pfx(bytes_view file, const password& protection,
                                                  const pfx_limits& limits, bool without_mac) {
  if (file.size() > limits.size)
    return error(errc::limit_exceeded)
        .with(fact::kind, "PFX")
        .with(fact::limit, limits.size)
        .with(fact::actual, file.size());
  if (auto whole = expect_whole_pfx(file); !whole) return whole.error();
  if (auto carried = expect_pfx_password(protection); !carried) return carried.error();
  return parsed("PFX", [&] {
    pfx_reader reader(protection, limits);
    reader.read(file, without_mac);
    pfx_content made;
    if (!reader.keys.empty()) {
      auto& [key, attributes] = reader.keys.front();
      made.key = std::make_shared<const signing_key>(std::move(key));
      made.friendly_name = std::move(attributes.friendly_name);
      made.local_key_id = std::move(attributes.local_key_id);
    }
    arrange(made, reader.certificates);
    made.authenticated = reader.authenticated;
    made.weaknesses = std::move(reader.weaknesses());
    made.ignored = std::move(reader.ignored);
    return made;
  });
}

}  // namespace detail

/// Reads a PFX file, BER or DER, as OpenSSL, Windows and Java write it: under PBES2 (PBKDF2 with
/// HMAC-SHA-1 or SHA-2; AES-CBC, triple DES) or PBE-SHA1-3DES, with a MAC of SHA-1 or SHA-2; the
/// certificates, and only they, also under PBE-SHA1-RC2-40 or -128 (`openssl pkcs12 -export
/// -legacy`, old Windows). One private key at most; any number of certificates, in any order.
///
/// The MAC is verified before anything is decrypted: it proves that somebody who knew the password
/// wrote the file, and no more than that. Under an empty password it proves nothing; such files
/// are read if they were written as RFC 7292 says. Extended properties other than the friendly name
/// and the local key id are dropped. What was weaker about the file is in `weaknesses`: write it
/// anew.
///
/// Errors: `limit_exceeded` (see `pfx_limits`; also for two private keys); `truncated`;
/// `malformed`; `unsupported_version`; `authentication_failed` for a wrong password or an altered
/// file, which look the same; `weaker_than_required` without a MAC; `unsupported_suite` for RC4,
/// for RC2 around a private key or without a MAC, for PBMAC1, scrypt, and for keys that
/// `signing_key` does not take, with how to convert it; `invalid_argument` for a password that
/// PKCS#12 cannot carry.
[[nodiscard]] inline result<pfx_content> read_pfx(bytes_view file, const password& protection,
                                                  const pfx_limits& limits = {}) {
  return detail::read_pfx(file, protection, limits, false);
}
/// The same where a file without a MAC is taken as well. Errors: as above but for
/// `weaker_than_required`; a wrong password may then also be `malformed`.
[[nodiscard]] inline result<pfx_content> read_pfx(bytes_view file, const password& protection,
                                                  pfx_without_mac_i_accept_the_risk /*accepted*/,
                                                  const pfx_limits& limits = {}) {
  return detail::read_pfx(file, protection, limits, true);
}

namespace detail {

/// Botan's options keep the password as a text that they do not wipe.
class pfx_export_options {
 public:
  pfx_export_options(const password& protection, const std::string& friendly_name)
      : options_(as_text(keywarden::detail::view_of(protection)),
                 friendly_name.empty() ? std::nullopt : std::optional(friendly_name)) {}
  pfx_export_options(const pfx_export_options&) = delete;
  pfx_export_options& operator=(const pfx_export_options&) = delete;
  ~pfx_export_options() {
    const std::string& text = options_.password();
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the text itself is not constant
    auto* const first = const_cast<char*>(text.data());
    keywarden::detail::wipe({reinterpret_cast<std::uint8_t*>(first), text.size()});
  }
  [[nodiscard]] Botan::PKCS12_Export_Options& get() noexcept { return options_; }

 private:
  Botan::PKCS12_Export_Options options_;
};

[[nodiscard]] inline result<void> expect_sensible(const pfx_options& options,
                                                  const password& protection) {
  if (auto good = options.rules.check(protection); !good) return good;
  if (auto carried = expect_pfx_password(protection); !carried) return carried;
  const auto refuse = [](std::string_view kind, std::string_view reason) {
    return error(errc::invalid_argument).with(fact::kind, kind).with(fact::reason, reason);
  };
  if (options.iterations < pfx_options::least_iterations ||
      options.iterations > pfx_options::most_iterations)
    return refuse("iterations", "100,000 to 10,000,000").with(fact::actual, options.iterations);
  const auto& name = options.friendly_name;
  if (name.size() > pfx_options::max_friendly_name)
    return refuse("friendly name", "at most 256 bytes").with(fact::actual, name.size());
  for (std::string_view rest = name; !rest.empty();) {
    const auto size = keywarden::detail::printable_size(rest);
    if (size == 0 || size == 4)
      return refuse("friendly name", "printable UTF-8 with characters up to U+FFFF only");
    rest.remove_prefix(size);
  }
  if (options.local_key_id.size() > 64) return refuse("local key id", "at most 64 bytes");
  return done();
}

[[nodiscard]] inline result<bytes> write_pfx(const signing_key* key,
                                             std::span<const certificate> certificates,
                                             const password& protection, const pfx_options& options,
                                             bool legacy) {
  if (auto sensible = expect_sensible(options, protection); !sensible) return sensible.error();
  return keywarden::detail::guarded("writing a PFX file", [&] {
    const std::string_view scheme = legacy ? "PBE-SHA1-3DES" : "PBES2-SHA256-AES256";
    pfx_export_options how(protection, options.friendly_name);
    how.get()
        .with_iterations(legacy ? 2048 : options.iterations)
        .with_key_encryption_algo(std::string(scheme))
        .with_cert_encryption_algo(std::string(options.encrypt_certificates ? scheme : ""))
        .with_mac_digest(legacy ? "SHA-1" : "SHA-256");
    Botan::PKCS12 file;
    if (key != nullptr) file.add_key(key->botan());
    for (const auto& each : certificates) file.add_certificate(each.x509());
    if (!options.local_key_id.empty()) file.set_local_key_id(options.local_key_id);
    system_random source;
    keywarden::detail::botan_random<system_random> random(source);
    return file.export_to(how.get(), random);
  });
}
[[nodiscard]] inline result<bytes> write_pfx(const identity& from, const password& protection,
                                             const pfx_options& options, bool legacy) {
  if (from.key == nullptr || from.chain.empty() || !from.key->belongs_to(from.chain.front()))
    return error(errc::invalid_argument)
        .with(fact::reason, "the private key is not the certificate's");
  const std::span<const certificate> all(from.chain);
  return write_pfx(from.key.get(), options.chain ? all : all.first(1), protection, options, legacy);
}

}  // namespace detail

/// Writes a private key and its certificates as a PFX file: PBES2 with PBKDF2-HMAC-SHA-256 and
/// AES-256-CBC for the key, HMAC-SHA-256 over all of it. What Windows since Server 2019, .NET,
/// OpenSSL since 1.1 and Java since 8u301 read. Keep it in a file that only its owner reads (0600).
///
/// As strong as the password is hard to guess; certificates and friendly name are readable without
/// it unless `encrypt_certificates`. Of extended properties the friendly name and the local key id
/// are written; those that only Windows knows (a key's container and provider) are not.
///
/// Errors: `password_refused` by the options' rules; `invalid_argument` for options or a password
/// that make no sense (with `fact::kind`), or a key that is not the first certificate's;
/// `backend_failed`.
[[nodiscard]] inline result<bytes> write_pfx(const identity& from, const password& protection,
                                             const pfx_options& options = {}) {
  return detail::write_pfx(from, protection, options, false);
}
/// The same for old programs: PBE-SHA1-3DES and HMAC-SHA-1 with 2,048 rounds each; the options'
/// `iterations` do not count. Errors: as above.
[[nodiscard]] inline result<bytes> write_pfx(const identity& from, const password& protection,
                                             pfx_legacy_encryption_i_accept_the_risk /*accepted*/,
                                             const pfx_options& options = {}) {
  return detail::write_pfx(from, protection, options, true);
}

/// Writes certificates alone, at least one, as a PFX file (a `.p12` of trust anchors): the password
/// is for its MAC. They carry no friendly names; Java takes no trust anchor from it, for that it
/// wants an attribute of its own. Errors: as `write_pfx`.
[[nodiscard]] inline result<bytes> write_trust_bundle(std::span<const certificate> certificates,
                                                      const password& protection,
                                                      const pfx_options& options = {}) {
  if (certificates.empty())
    return error(errc::invalid_argument).with(fact::reason, "there are no certificates");
  return detail::write_pfx(nullptr, certificates, protection, options, false);
}

}  // namespace keywarden::pki
