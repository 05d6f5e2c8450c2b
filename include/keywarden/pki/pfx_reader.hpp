/// @file
/// The structure of a PFX file (RFC 7292): parts, bags and their attributes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <keywarden/pki/pfx_decryption.hpp>
#include <keywarden/pki/signing_key.hpp>

namespace keywarden::pki::detail {

/// A bag's attributes; others than these two are dropped.
struct pfx_attributes {
  std::string friendly_name;
  bytes local_key_id;
};
struct pfx_certificate {
  certificate value;
  pfx_attributes attributes;
};
struct pfx_key {
  signing_key value;
  pfx_attributes attributes;
};

/// Reads one file. Everything may throw: for `guarded` only.
class pfx_reader {
 public:
  pfx_reader(const password& with, const pfx_limits& limits) noexcept
      : opener_(with, limits.iterations), limits_(limits) {}

  std::vector<pfx_key> keys;  ///< at most one
  std::vector<pfx_certificate> certificates;
  std::vector<std::string> ignored;  ///< kinds of bags that are neither
  bool authenticated = false;
  [[nodiscard]] std::vector<std::string>& weaknesses() noexcept { return opener_.weaknesses(); }

  void read(bytes_view file, bool without_mac) {
    Botan::BER_Decoder all(file);
    auto pfx = all.start_sequence();
    std::size_t version = 0;
    pfx.decode(version);
    if (version != 3)
      throw refused(pfx_refusal(errc::unsupported_version, "it is not version 3 of PKCS#12")
                        .with(fact::version, version));
    auto safe = pfx.start_sequence();
    Botan::OID type;
    safe.decode(type);
    if (type != Botan::OID::from_string("PKCS7.Data"))
      throw refused(
          pfx_unsupported(type.to_formatted_string(), "its integrity is not a password's"));
    const auto content = octets_within(safe);
    safe.verify_end();
    if (pfx.more_items()) {
      auto mac = pfx.start_sequence();
      pfx.verify_end();
      all.verify_end();
      opener_.expect_mac(mac, content);
      authenticated = true;
    } else if (without_mac) {
      all.verify_end();
      weaknesses().emplace_back("it has no MAC");
    } else {
      throw refused(pfx_refusal(errc::weaker_than_required,
                                "it has no MAC: whoever can write it can exchange what is in it")
                        .with(fact::next_step, "export it again with a MAC"));
    }
    read_parts(content);
  }

 private:
  /// An OCTET STRING within the explicit tag [0].
  template <class Decoder>
  [[nodiscard]] static secret_bytes octets_within(Decoder& of) {
    secret_bytes content;
    auto inner = of.start_context_specific(0);
    inner.decode(content, Botan::ASN1_Type::OctetString);
    inner.verify_end();
    return content;
  }

  void read_parts(const secret_bytes& content) {
    Botan::BER_Decoder all(content);
    auto parts = all.start_sequence();
    while (parts.more_items()) {
      count_bag();
      auto part = parts.start_sequence();
      Botan::OID type;
      part.decode(type);
      if (type == Botan::OID::from_string("PKCS7.Data"))
        read_bags({octets_within(part)});
      else if (type == Botan::OID::from_string("PKCS7.EncryptedData"))
        read_bags(decrypted(part));
      else
        throw refused(
            pfx_unsupported(type.to_formatted_string(), "its privacy is not a password's"));
      part.verify_end();
    }
    all.verify_end();
  }

  [[nodiscard]] pfx_opened_part decrypted(Botan::BER_Decoder& part) {
    auto outer = part.start_context_specific(0);
    auto data = outer.start_sequence();
    outer.verify_end();
    data.decode_and_check<std::size_t>(0, "version of EncryptedData");
    auto info = data.start_sequence();
    data.verify_end();
    Botan::OID type;
    Botan::AlgorithmIdentifier scheme;
    info.decode(type).decode(scheme);
    if (type != Botan::OID::from_string("PKCS7.Data"))
      throw refused(pfx_refusal(errc::malformed, "an encrypted part is not data"));
    secret_bytes ciphertext;
    info.decode(ciphertext, Botan::ASN1_Type::OctetString, Botan::ASN1_Type(0),
                Botan::ASN1_Class::ContextSpecific);
    info.verify_end();
    return opener_.decrypt_part(scheme, ciphertext);
  }

  void read_bags(const pfx_opened_part& part) {
    Botan::BER_Decoder all(part.content);
    read_bags(all, part.rc2, 0);
    all.verify_end();
  }
  void read_bags(Botan::BER_Decoder& within, std::string_view rc2, std::size_t depth) {
    if (depth >= limits_.nesting) throw refused(too_many("levels of bags", limits_.nesting));
    auto bags = within.start_sequence();
    while (bags.more_items()) {
      count_bag();
      auto bag = bags.start_sequence();
      Botan::OID type;
      bag.decode(type);
      const auto is = [&](std::string_view name) { return type == Botan::OID::from_string(name); };
      auto value = bag.start_context_specific(0);
      if (is("PKCS12.CertBag")) {
        if (read_certificate(value)) certificates.back().attributes = attributes_of(bag);
      } else if (is("PKCS12.PKCS8ShroudedKeyBag") || is("PKCS12.KeyBag")) {
        if (!rc2.empty())
          throw refused(pfx_unsupported(rc2, "a private key is encrypted with RC2"));
        read_key(value, is("PKCS12.PKCS8ShroudedKeyBag"));
        keys.back().attributes = attributes_of(bag);
      } else if (is("PKCS12.SafeContentsBag")) {
        read_bags(value, rc2, depth + 1);
      } else {
        value.discard_remaining();
        ignored.push_back(type.to_formatted_string());
      }
      value.verify_end();
      bag.discard_remaining();
    }
  }

  [[nodiscard]] bool read_certificate(Botan::BER_Decoder& value) {
    auto bag = value.start_sequence();
    Botan::OID type;
    bag.decode(type);
    if (type != Botan::OID::from_string("PKCS9.X509Certificate")) {
      bag.discard_remaining();
      ignored.push_back(type.to_formatted_string());
      return false;
    }
    if (certificates.size() == limits_.certificates)
      throw refused(too_many("certificates", limits_.certificates));
    const auto der = octets_within(bag);
    bag.verify_end();
    certificates.push_back({certificate::from_der(der).value(), {}});
    return true;
  }

  void read_key(Botan::BER_Decoder& value, bool encrypted) {
    if (!keys.empty())
      throw refused(too_many("private keys", 1).with(fact::next_step, "export each by itself"));
    secret_bytes der;
    if (encrypted) {
      auto shrouded = value.start_sequence();
      Botan::AlgorithmIdentifier scheme;
      secret_bytes ciphertext;
      shrouded.decode(scheme).decode(ciphertext, Botan::ASN1_Type::OctetString).verify_end();
      der = opener_.decrypt(scheme, ciphertext);
    } else {
      value.raw_bytes(der);
      weaknesses().emplace_back("its private key is not encrypted by itself");
    }
    keys.push_back(
        {signing_key::from_pkcs8(keywarden::detail::adopt_key(std::move(der))).value(), {}});
  }

  [[nodiscard]] static pfx_attributes attributes_of(Botan::BER_Decoder& bag) {
    pfx_attributes found;
    if (!bag.more_items()) return found;
    auto all = bag.start_set();
    while (all.more_items()) {
      auto each = all.start_sequence();
      Botan::OID type;
      each.decode(type);
      auto values = each.start_set();
      if (type == Botan::OID::from_string("PKCS9.FriendlyName")) {
        Botan::ASN1_String name;
        values.decode(name);
        found.friendly_name = name.value();
      } else if (type == Botan::OID::from_string("PKCS9.LocalKeyId")) {
        values.decode(found.local_key_id, Botan::ASN1_Type::OctetString);
      }
      values.discard_remaining();
      each.verify_end();
    }
    return found;
  }

  void count_bag() {
    if (++bags_ > limits_.bags) throw refused(too_many("bags", limits_.bags));
  }
  [[nodiscard]] static error too_many(std::string_view what, std::size_t limit) {
    return error(errc::limit_exceeded)
        .with(fact::kind, std::string(what).append(" in a PFX file"))
        .with(fact::limit, limit);
  }

  pfx_opener opener_;
  pfx_limits limits_;
  std::size_t bags_ = 0;
};

}  // namespace keywarden::pki::detail
