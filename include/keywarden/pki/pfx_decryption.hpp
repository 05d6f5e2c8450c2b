/// @file
/// What a PFX file's password opens: its MAC and its encrypted parts, within a budget of rounds.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <botan/asn1_obj.h>
#include <botan/ber_dec.h>
#include <botan/cipher_mode.h>
#include <botan/mac.h>
#include <botan/mem_ops.h>
#include <botan/pwdhash.h>

#include <keywarden/pki/certificate.hpp>
#include <keywarden/pki/pfx_options.hpp>
#include <keywarden/pki/rc2_decryption.hpp>

// Botan's own reader bounds each derivation at 100,000,000 rounds, but neither their number nor
// their sum, and a key within an encrypted part is not seen before that part is decrypted. So the
// parts are opened here, one after another, each paid for before it is worked on.

namespace keywarden::pki::detail {

using secret_bytes = Botan::secure_vector<std::uint8_t>;

[[nodiscard]] inline error pfx_refusal(errc code, std::string_view reason) {
  return error(code).with(fact::kind, "PFX").with(fact::reason, reason);
}
[[nodiscard]] inline error pfx_not_opened() {
  return pfx_refusal(errc::authentication_failed, "a wrong password, or the file was altered");
}
/// For what another program made and this one does not compose.
[[nodiscard]] inline error pfx_unsupported(std::string_view scheme, std::string_view reason) {
  return pfx_refusal(errc::unsupported_suite, reason)
      .with(fact::scheme, scheme)
      .with(fact::next_step,
            "convert it where it was made: openssl pkcs12 -legacy -in old.pfx -out key.pem, then "
            "openssl pkcs12 -export -in key.pem -out new.pfx, and delete key.pem");
}

/// A part of a file, decrypted.
struct pfx_opened_part {
  secret_bytes content;
  /// RC2's scheme if it was under it: then nothing but certificates is taken from it.
  std::string rc2 = {};
};

/// Opens parts of one file with one password. Everything may throw: for `guarded` only.
class pfx_opener {
 public:
  pfx_opener(const password& with, std::size_t iterations) noexcept
      : text_(as_text(keywarden::detail::view_of(with))), left_(iterations), limit_(iterations) {}

  /// What is weaker in the file than in one that is written here.
  [[nodiscard]] std::vector<std::string>& weaknesses() noexcept { return weaknesses_; }

  void expect_mac(Botan::BER_Decoder& data, bytes_view content) {
    Botan::AlgorithmIdentifier digest;
    secret_bytes expected;
    std::vector<std::uint8_t> salt;
    std::size_t rounds = 1;
    data.start_sequence()
        .decode(digest)
        .decode(expected, Botan::ASN1_Type::OctetString)
        .verify_end()
        .end_cons();
    data.decode(salt, Botan::ASN1_Type::OctetString);
    if (data.more_items()) data.decode(rounds);
    data.verify_end();
    const auto hash = name_among(digest.oid(), {"SHA-1", "SHA-256", "SHA-384", "SHA-512"});
    if (hash.empty())
      throw refused(digest.oid() == Botan::OID{1, 2, 840, 113549, 1, 5, 14}
                        ? pfx_unsupported("PBMAC1", "its MAC is that of RFC 9579")
                        : pfx_unsupported(digest.oid().to_string(), "its MAC is not supported"));
    expect_no_parameters(digest);
    spend(rounds);
    if (hash == "SHA-1") note("its MAC is HMAC-SHA-1");
    auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(" + hash + ")");
    mac->set_key(derive("PKCS12-KDF(" + hash + ",3)", rounds, mac->output_length(), salt));
    mac->update(content);
    if (!Botan::constant_time_compare(mac->final(), expected)) throw refused(pfx_not_opened());
    authentic_ = true;
  }

  /// A part, of whatever bags: also under RC2, if the MAC was verified.
  [[nodiscard]] pfx_opened_part decrypt_part(const Botan::AlgorithmIdentifier& scheme,
                                             bytes_view ciphertext) {
    const auto name = legacy_name(scheme.oid());
    const bool weakest = name == "PBE-SHA1-RC2-40";
    if (!weakest && name != "PBE-SHA1-RC2-128") return {decrypt(scheme, ciphertext)};
    if (!authentic_)
      throw refused(pfx_unsupported(name, "RC2 is read only in a file that has a MAC"));
    const auto [salt, rounds] = legacy_parameters(scheme);
    spend(rounds, 2);  // a key, and where to start
    note("its certificates are encrypted with " + name);
    const std::size_t key_size = weakest ? 5 : 16;
    const auto key = derive("PKCS12-KDF(SHA-1,1)", rounds, key_size, salt);
    const auto start = derive("PKCS12-KDF(SHA-1,2)", rounds, rc2_decryption::block_size, salt);
    auto opened = rc2_decryption::with(key, 8 * key_size).value().decrypt_cbc(start, ciphertext);
    if (!opened) throw refused(pfx_not_opened());
    return {*std::move(opened), name};
  }

  /// A private key, or a part: never under RC2.
  [[nodiscard]] secret_bytes decrypt(const Botan::AlgorithmIdentifier& scheme,
                                     bytes_view ciphertext) {
    const auto& oid = scheme.oid();
    if (oid == Botan::OID::from_string("PBE-PKCS5v20"))
      return decrypt_pbes2(scheme.parameters(), ciphertext);
    if (oid != Botan::OID::from_string("PBE-SHA1-3DES"))
      throw refused(pfx_unsupported(legacy_name(oid), "its encryption is not supported"));
    const auto [salt, rounds] = legacy_parameters(scheme);
    spend(rounds, 3);  // a key of two blocks, and where to start
    note("it is encrypted with PBE-SHA1-3DES");
    return decipher("TripleDES/CBC", derive("PKCS12-KDF(SHA-1,1)", rounds, 24, salt),
                    derive("PKCS12-KDF(SHA-1,2)", rounds, 8, salt), ciphertext);
  }

 private:
  struct salt_and_rounds {
    std::vector<std::uint8_t> salt;
    std::size_t rounds = 0;
  };
  [[nodiscard]] static salt_and_rounds legacy_parameters(const Botan::AlgorithmIdentifier& scheme) {
    salt_and_rounds stated;
    Botan::BER_Decoder(scheme.parameters())
        .start_sequence()
        .decode(stated.salt, Botan::ASN1_Type::OctetString)
        .decode(stated.rounds)
        .verify_end()
        .end_cons();
    return stated;
  }

  [[nodiscard]] secret_bytes decrypt_pbes2(bytes_view parameters, bytes_view ciphertext) {
    Botan::AlgorithmIdentifier derivation;
    Botan::AlgorithmIdentifier encryption;
    Botan::BER_Decoder(parameters)
        .start_sequence()
        .decode(derivation)
        .decode(encryption)
        .verify_end()
        .end_cons();
    if (derivation.oid() != Botan::OID::from_string("PKCS5.PBKDF2"))
      throw refused(pfx_unsupported(derivation.oid().to_formatted_string(),
                                    "its key derivation is not supported"));
    const auto cipher = name_among(encryption.oid(),
                                   {"AES-256/CBC", "AES-192/CBC", "AES-128/CBC", "TripleDES/CBC"});
    if (cipher.empty())
      throw refused(pfx_unsupported(encryption.oid().to_formatted_string(),
                                    "its encryption is not supported"));
    const std::size_t block = cipher[0] == 'T' ? 8 : 16;
    const std::size_t key_size = cipher.starts_with("AES-256")   ? 32
                                 : cipher.starts_with("AES-128") ? 16
                                                                 : 24;
    secret_bytes start;
    Botan::BER_Decoder(encryption.parameters())
        .decode(start, Botan::ASN1_Type::OctetString)
        .verify_end();

    std::vector<std::uint8_t> salt;
    std::size_t rounds = 0;
    std::optional<std::size_t> stated_size;
    Botan::AlgorithmIdentifier function;
    Botan::BER_Decoder(derivation.parameters())
        .start_sequence()
        .decode(salt, Botan::ASN1_Type::OctetString)
        .decode(rounds)
        .decode_optional(stated_size, Botan::ASN1_Type::Integer, Botan::ASN1_Class::Universal)
        .decode_optional(
            function, Botan::ASN1_Type::Sequence, Botan::ASN1_Class::Constructed,
            Botan::AlgorithmIdentifier("HMAC(SHA-1)", Botan::AlgorithmIdentifier::USE_NULL_PARAM))
        .verify_end()
        .end_cons();
    const auto hash = name_among(
        function.oid(), {"HMAC(SHA-256)", "HMAC(SHA-384)", "HMAC(SHA-512)", "HMAC(SHA-1)"});
    if (hash.empty())
      throw refused(pfx_unsupported(function.oid().to_formatted_string(),
                                    "its key derivation's function is not supported"));
    expect_no_parameters(function);
    if (start.size() != block || stated_size.value_or(key_size) != key_size)
      throw refused(pfx_refusal(errc::malformed, "the parameters of its encryption do not fit"));
    spend(rounds);
    if (block == 8) note("it is encrypted with triple DES");
    return decipher(cipher, derive("PBKDF2(" + hash + ")", rounds, key_size, salt), start,
                    ciphertext);
  }

  [[nodiscard]] static secret_bytes decipher(const std::string& cipher, const secret_bytes& key,
                                             const secret_bytes& start, bytes_view ciphertext) {
    const auto mode = Botan::Cipher_Mode::create_or_throw(cipher, Botan::Cipher_Dir::Decryption);
    mode->set_key(key);
    mode->start(start);
    secret_bytes opened(ciphertext.begin(), ciphertext.end());
    // Whatever is wrong with length and padding: the password was another, or the bytes were.
    if (!keywarden::detail::guarded("decrypting", [&] { mode->finish(opened); }))
      throw refused(pfx_not_opened());
    return opened;
  }

  [[nodiscard]] secret_bytes derive(const std::string& function, std::size_t rounds,
                                    std::size_t size, bytes_view salt) const {
    secret_bytes key(size);
    Botan::PasswordHashFamily::create_or_throw(function)->from_iterations(rounds)->hash(key, text_,
                                                                                        salt);
    return key;
  }

  void spend(std::size_t rounds, std::size_t times = 1) {
    if (rounds == 0) throw refused(pfx_refusal(errc::malformed, "a derivation of no rounds"));
    if (rounds > left_ / times)
      throw refused(
          error(errc::limit_exceeded)
              .with(fact::kind, "a PFX file's rounds of key derivation")
              .with(fact::limit, limit_)
              .with(fact::next_step, "if you trust whoever made it, read it with a higher limit"));
    left_ -= rounds * times;
    if (rounds < 10'000) note("a derivation of " + std::to_string(rounds) + " rounds");
  }
  void note(std::string weakness) {
    if (std::ranges::find(weaknesses_, weakness) == weaknesses_.end())
      weaknesses_.push_back(std::move(weakness));
  }

  static void expect_no_parameters(const Botan::AlgorithmIdentifier& of) {
    if (!of.parameters_are_null_or_empty())
      throw refused(
          pfx_refusal(errc::malformed, "an algorithm has parameters that it cannot have"));
  }
  [[nodiscard]] static std::string name_among(const Botan::OID& oid,
                                              std::initializer_list<std::string_view> known) {
    for (const auto each : known)
      if (oid == Botan::OID::from_string(each)) return std::string(each);
    return {};
  }
  /// RFC 7292, appendix C.
  [[nodiscard]] static std::string legacy_name(const Botan::OID& oid) {
    constexpr std::array<std::string_view, 6> names{"PBE-SHA1-RC4-128", "PBE-SHA1-RC4-40",
                                                    "PBE-SHA1-3DES",    "PBE-SHA1-2DES",
                                                    "PBE-SHA1-RC2-128", "PBE-SHA1-RC2-40"};
    for (std::uint32_t i = 0; i < names.size(); ++i)
      if (oid == Botan::OID{1, 2, 840, 113549, 1, 12, 1, i + 1}) return std::string(names[i]);
    return oid.to_formatted_string();
  }

  std::string_view text_;
  std::size_t left_;
  std::size_t limit_;
  bool authentic_ = false;
  std::vector<std::string> weaknesses_;
};

/// Whether PKCS#12 can carry a password at all: it writes two bytes for each character. Errors:
/// `invalid_argument`.
[[nodiscard]] inline result<void> expect_pfx_password(const password& candidate) {
  const auto text = as_text(keywarden::detail::view_of(candidate));
  std::array<std::uint8_t, 20> ignored{};
  const auto carried = keywarden::detail::guarded("PKCS12-KDF", [&] {
    Botan::PasswordHashFamily::create_or_throw("PKCS12-KDF(SHA-1,3)")
        ->from_iterations(1)
        ->hash(ignored, text, std::span<const std::uint8_t>(ignored));
  });
  keywarden::detail::wipe(ignored);
  if (carried) return done();
  return error(errc::invalid_argument)
      .with(fact::kind, "password")
      .with(fact::reason, "PFX files carry UTF-8 with characters up to U+FFFF only")
      .with(fact::next_step, "choose a password without such characters");
}

}  // namespace keywarden::pki::detail
