// PFX files: what another implementation writes is read here and the other way round; nothing that
// was altered, cut, too costly or under another password is.
#include <keywarden/pki/pfx.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdio>

#include <botan/der_enc.h>
#include <botan/hex.h>

#include <keywarden/crypto/rsa_oaep.hpp>
#include <keywarden/pki/files.hpp>

#include "pki/fixture.hpp"
#include "support/scratch.hpp"

namespace keywarden::pki {
namespace pfx_test {

using testing::accepted;
using testing::noon;
using testing::office_of_certificates;
using testing::refused_as;
using testing::scratch;
using enum certificate_purpose;

const password good("Exchange-Pass-5");
const password wrong("Exchange-Pass-6");
constexpr auto token = hazmat::insecure_access::i_know_what_i_do();  // a test

/// What a command answers, with its exit status on the last line.
std::string run(const scratch& place, const std::string& command) {
  const auto whole = "cd '" + place.path().string() + "' && (" + command + ") 2>&1; echo $?";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(whole.c_str(), "r"), ::pclose);
  BOOST_REQUIRE(pipe != nullptr);
  std::string said;
  std::array<char, 4096> part{};
  while (const auto got = std::fread(part.data(), 1, part.size(), pipe.get()))
    said.append(part.data(), got);
  return said;
}
bool ran(const std::string& said) { return said.ends_with("\n0\n") || said == "0\n"; }
bool says(std::string_view said, std::string_view what) {
  return said.find(what) != std::string_view::npos;
}
boost::test_tools::assertion_result with_openssl(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result there(ran(run(scratch(), "openssl version")));
  if (!there) there.message() << "the openssl program is not installed";
  return there;
}
void put(const std::filesystem::path& path, bytes_view data) {
  std::ofstream(path, std::ios::binary) << as_text(data);
}

/// A leaf with its chain, for both sides.
struct exchange {
  scratch place;
  office_of_certificates office;
  identity own = office.leaf();

  exchange() {
    own.chain.push_back(office.root.certificate());
    put(place / "leaf.pem", as_bytes(own.chain[0].pem()));
    put(place / "below.pem", as_bytes(own.chain[1].pem()));
    put(place / "root.pem", as_bytes(own.chain[2].pem()));
    // In another order than that of the chain.
    put(place / "mixed.pem",
        as_bytes(own.chain[2].pem() + own.chain[1].pem() + office.leaf().chain[0].pem()));
    write_private_key(place / "k.pem", *own.key, good, encoding::pem).value();
  }
  /// What `openssl pkcs12 -export` makes.
  [[nodiscard]] bytes theirs(const std::string& how, const std::string& pass = "Exchange-Pass-5") {
    const auto said = run(place,
                          "openssl pkcs12 -export -inkey k.pem -passin pass:Exchange-Pass-5 "
                          "-in leaf.pem -out t.pfx -passout 'pass:" +
                              pass + "' " + how);
    BOOST_REQUIRE_MESSAGE(ran(said), said);
    return read_file(place / "t.pfx", 1U << 20U).value();
  }
  /// What `openssl pkcs12` says of what we made.
  [[nodiscard]] std::string read_by_them(bytes_view ours, const std::string& how,
                                         const std::string& pass = "Exchange-Pass-5") {
    put(place / "o.pfx", ours);
    return run(place, "openssl pkcs12 -in o.pfx -passin 'pass:" + pass + "' " + how);
  }
};

/// A PFX file around the content of its parts, with this MAC or without one.
bytes around(bytes_view parts, const bytes& mac = {}) {
  bytes file;
  Botan::DER_Encoder der(file);
  der.start_sequence().encode(std::size_t{3}).start_sequence();
  der.encode(Botan::OID::from_string("PKCS7.Data")).start_context_specific(0);
  der.encode(parts.data(), parts.size(), Botan::ASN1_Type::OctetString);
  der.end_cons().end_cons();
  if (!mac.empty()) der.raw_bytes(mac);
  der.end_cons();
  return file;
}

const bytes salt{1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::size_t few = 16;  // rounds

/// Appendix B of RFC 7292, for the good password.
bytes derived(const std::string& purpose, std::size_t size) {
  bytes key(size);
  Botan::PasswordHashFamily::create_or_throw("PKCS12-KDF(SHA-1," + purpose + ")")
      ->from_iterations(few)
      ->hash(key, "Exchange-Pass-5", salt);
  return key;
}
/// The same file with a MAC under the good password.
bytes authentic(bytes_view parts) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-1)");
  mac->set_key(derived("3", 20));
  mac->update(parts);
  bytes data;
  Botan::DER_Encoder(data)
      .start_sequence()
      .start_sequence()
      .encode(Botan::AlgorithmIdentifier("SHA-1", Botan::AlgorithmIdentifier::USE_NULL_PARAM))
      .encode(mac->final(), Botan::ASN1_Type::OctetString)
      .end_cons()
      .encode(salt, Botan::ASN1_Type::OctetString)
      .encode(few)
      .end_cons();
  return around(parts, data);
}
/// One part, which says that it is under PBE-SHA1-RC2-40.
bytes said_to_be_rc2(const bytes& ciphertext, std::size_t rounds = few) {
  bytes parameters;
  Botan::DER_Encoder(parameters)
      .start_sequence()
      .encode(salt, Botan::ASN1_Type::OctetString)
      .encode(rounds)
      .end_cons();
  bytes parts;
  Botan::DER_Encoder(parts)
      .start_sequence()
      .start_sequence()
      .encode(Botan::OID::from_string("PKCS7.EncryptedData"))
      .start_context_specific(0)
      .start_sequence()
      .encode(std::size_t{0})
      .start_sequence()
      .encode(Botan::OID::from_string("PKCS7.Data"))
      .encode(Botan::AlgorithmIdentifier(Botan::OID{1, 2, 840, 113549, 1, 12, 1, 6}, parameters))
      .encode(ciphertext.data(), ciphertext.size(), Botan::ASN1_Type::OctetString,
              Botan::ASN1_Type(0), Botan::ASN1_Class::ContextSpecific)
      .end_cons()
      .end_cons()
      .end_cons()
      .end_cons()
      .end_cons();
  return parts;
}
/// The content of a part: one bag of a kind.
bytes bag(std::string_view kind, const bytes& value) {
  bytes content;
  Botan::DER_Encoder(content)
      .start_sequence()
      .start_sequence()
      .encode(Botan::OID::from_string(kind))
      .start_context_specific(0)
      .raw_bytes(value)
      .end_cons()
      .end_cons()
      .end_cons();
  return content;
}
bytes certificate_bag(const certificate& of) {
  bytes value;
  Botan::DER_Encoder(value)
      .start_sequence()
      .encode(Botan::OID::from_string("PKCS9.X509Certificate"))
      .start_context_specific(0)
      .encode(to_bytes(of.der()), Botan::ASN1_Type::OctetString)
      .end_cons()
      .end_cons();
  return bag("PKCS12.CertBag", value);
}

/// RFC 2268, section 5.
struct rc2_vector {
  std::size_t effective_bits;
  std::string_view key;
  std::string_view plaintext;
  std::string_view ciphertext;
};
constexpr std::array<rc2_vector, 8> rc2_vectors{{
    {63, "0000000000000000", "0000000000000000", "ebb773f993278eff"},
    {64, "ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
    {64, "3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
    {64, "88", "0000000000000000", "61a8a244adacccf0"},
    {64, "88bca90e90875a", "0000000000000000", "6ccf4308974c267f"},
    {64, "88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "1a807d272bbe5db1"},
    {128, "88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
    {129, "88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e", "0000000000000000",
     "5b78d3a43dfff1f1"},
}};

BOOST_AUTO_TEST_SUITE(rc2_decryption)

using detail::rc2_decryption;

BOOST_AUTO_TEST_CASE(the_vectors_of_rfc_2268_decrypt) {
  for (const auto& each : rc2_vectors) {
    const auto cipher =
        rc2_decryption::with(Botan::hex_decode(each.key), each.effective_bits).value();
    auto block = Botan::hex_decode(each.ciphertext);
    cipher.decrypt_block(std::span(block).first<8>());
    BOOST_TEST((block == Botan::hex_decode(each.plaintext)), each.ciphertext);
  }
}

BOOST_AUTO_TEST_CASE(the_padding_is_that_of_pkcs7_or_the_text_is_refused) {
  const auto& known = rc2_vectors[2];
  const auto cipher = rc2_decryption::with(Botan::hex_decode(known.key), 64).value();
  const auto block = Botan::hex_decode(known.ciphertext);
  // The start of CBC decides what the only block decrypts to.
  const auto opened_as = [&](std::string_view wanted) {
    auto start = Botan::hex_decode(known.plaintext);
    const auto text = Botan::hex_decode(wanted);
    for (std::size_t i = 0; i < start.size(); ++i) start[i] ^= text[i];
    return cipher.decrypt_cbc(start, block);
  };
  const auto text = [](const auto& of) { return Botan::hex_encode(of.value(), false); };
  BOOST_TEST(text(opened_as("1000000000000001")) == "10000000000000");
  BOOST_TEST(text(opened_as("aaaaaaaaaa030303")) == "aaaaaaaaaa");
  BOOST_TEST(text(opened_as("0808080808080808")).empty());
  for (const std::string_view wrong_padding :
       {"0000000000000000", "0000000000000002", "0000000000020302", "0708080808080808",
        "0909090909090909", "ffffffffffffffff"})
    BOOST_TEST(refused_as(errc::malformed, opened_as(wrong_padding)), wrong_padding);
  // The second block starts from the first one's ciphertext.
  bytes two(8);
  append(two, block);
  const auto both_blocks = cipher.decrypt_cbc(bytes(8), two).value();
  BOOST_TEST(both_blocks.size() == 15U);
  BOOST_TEST((bytes(both_blocks.begin() + 8, both_blocks.end()) == bytes{0x10, 0, 0, 0, 0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  BOOST_TEST(refused_as(errc::invalid_argument, rc2_decryption::with({}, 40)));
  BOOST_TEST(refused_as(errc::invalid_argument, rc2_decryption::with(bytes(129), 40)));
  BOOST_TEST(refused_as(errc::invalid_argument, rc2_decryption::with(bytes(5), 0)));
  BOOST_TEST(refused_as(errc::invalid_argument, rc2_decryption::with(bytes(5), 1025)));
  BOOST_TEST(accepted(rc2_decryption::with(bytes(1), 1)));
  BOOST_TEST(accepted(rc2_decryption::with(bytes(128), 1024)));
  const auto cipher = rc2_decryption::with(bytes(5), 40).value();
  for (const std::size_t size : {0U, 7U, 9U, 16U})
    BOOST_TEST(refused_as(errc::invalid_argument, cipher.decrypt_cbc(bytes(size), bytes(8))));
  for (const std::size_t size : {0U, 1U, 7U, 9U, 15U})
    BOOST_TEST(refused_as(errc::malformed, cipher.decrypt_cbc(bytes(8), bytes(size))));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pfx)

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  exchange all;
  pfx_options options;
  options.friendly_name = "My Überzertifikat";
  for (const bool encrypted : {false, true}) {
    options.encrypt_certificates = encrypted;
    const auto read = read_pfx(write_pfx(all.own, good, options).value(), good);
    BOOST_REQUIRE(accepted(read));
    BOOST_TEST((read->chain == all.own.chain));
    BOOST_TEST(read->others.empty());
    BOOST_TEST(read->friendly_name == options.friendly_name);
    BOOST_TEST(read->local_key_id.size() == 20U);
    BOOST_TEST(read->authenticated);
    BOOST_TEST(read->weaknesses.empty());
    BOOST_TEST(read->ignored.empty());
    BOOST_TEST(read->as_identity().value().key->belongs_to(all.own.chain.front()));
  }
  options.chain = false;
  options.local_key_id = {1, 2, 3};
  const auto leaf = read_pfx(write_pfx(all.own, good, options).value(), good).value();
  BOOST_TEST((leaf.chain == std::vector{all.own.chain.front()}));
  BOOST_TEST((leaf.local_key_id == bytes{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(botan_reads_the_same_from_it) {
  exchange all;
  const auto file = write_pfx(all.own, good).value();
  const Botan::PKCS12 read(file, "Exchange-Pass-5");
  BOOST_TEST(read.private_keys().size() == 1U);
  BOOST_TEST((read.end_entity_certificate().value() == all.own.chain.front().x509()));
  BOOST_TEST(read.certificates().size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_trust_bundle_holds_certificates_only) {
  exchange all;
  const auto file = write_trust_bundle(all.own.chain, good).value();
  const auto read = read_pfx(file, good).value();
  BOOST_TEST((read.key == nullptr));
  BOOST_TEST(read.chain.empty());
  BOOST_TEST((read.others == all.own.chain));
  BOOST_TEST(refused_as(errc::not_found, read.as_identity()));
  BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(file, wrong)));
  BOOST_TEST(refused_as(errc::invalid_argument, write_trust_bundle({}, good)));
}

BOOST_AUTO_TEST_CASE(nothing_is_written_that_makes_no_sense) {
  exchange all;
  for (const std::string_view weak : {"", "short-1", "alllowercase", "password"})
    BOOST_TEST(refused_as(errc::password_refused, write_pfx(all.own, password(weak))));
  BOOST_TEST(refused_as(
      errc::password_refused,
      write_pfx(all.own, password("weak"), pfx_legacy_encryption_i_accept_the_risk(token))));
  BOOST_TEST(refused_as(errc::password_refused, write_trust_bundle(all.own.chain, password(""))));
  const auto with = [&](auto change) {
    pfx_options options;
    change(options);
    return write_pfx(all.own, good, options);
  };
  BOOST_TEST(
      refused_as(errc::invalid_argument, with([](pfx_options& o) { o.iterations = 99'999; })));
  BOOST_TEST(
      refused_as(errc::invalid_argument, with([](pfx_options& o) { o.iterations = 10'000'001; })));
  for (const std::string_view name : {"a\nb", "\xff", "\U0001f512", "\u202eb"})
    BOOST_TEST(refused_as(errc::invalid_argument,
                          with([&](pfx_options& o) { o.friendly_name = std::string(name); })));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        with([](pfx_options& o) { o.friendly_name = std::string(257, 'a'); })));
  BOOST_TEST(
      refused_as(errc::invalid_argument, with([](pfx_options& o) { o.local_key_id = bytes(65); })));
  BOOST_TEST(
      refused_as(errc::invalid_argument, write_pfx(all.own, password("Lock-Pass-5\U0001f512"))));
  auto other = all.own;
  other.chain = all.office.leaf().chain;
  BOOST_TEST(refused_as(errc::invalid_argument, write_pfx(other, good)));
  BOOST_TEST(refused_as(errc::invalid_argument, write_pfx(identity{all.own.chain, nullptr}, good)));
  BOOST_TEST(refused_as(errc::invalid_argument, write_pfx(identity{{}, all.own.key}, good)));
}

BOOST_AUTO_TEST_CASE(what_is_no_pfx_file_is_refused) {
  exchange all;
  BOOST_TEST(refused_as(errc::truncated, read_pfx(bytes{}, good)));
  BOOST_TEST(refused_as(errc::truncated, read_pfx(bytes{0x30}, good)));
  BOOST_TEST(refused_as(errc::truncated, read_pfx(bytes{0x30, 0x82, 0x01}, good)));
  BOOST_TEST(refused_as(errc::malformed, read_pfx(bytes{0x30, 0x85, 1, 1, 1, 1, 1}, good)));
  BOOST_TEST(refused_as(errc::malformed, read_pfx(bytes{0x30, 0x00}, good)));
  BOOST_TEST(refused_as(errc::malformed, read_pfx(bytes{0x30, 0x80, 0x00, 0x00}, good)));
  BOOST_TEST(refused_as(errc::malformed, read_pfx(as_bytes(all.own.chain[0].pem()), good)));
  BOOST_TEST(refused_as(errc::malformed, read_pfx(all.own.chain[0].der(), good)));
  BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(bytes((1U << 20U) + 1), good)));
  auto file = write_trust_bundle(all.own.chain, good).value();
  // BER that says its end at its end, as some programs write it, is the same file.
  bytes open{0x30, 0x80};
  append(open, bytes_view(file).subspan(4));
  append(open, bytes{0, 0});
  BOOST_TEST(accepted(read_pfx(open, good)));
  open.push_back(0);
  BOOST_TEST(refused_as(errc::malformed, read_pfx(open, good)));
  file.push_back(0);
  BOOST_TEST(refused_as(errc::malformed, read_pfx(file, good)));
}

BOOST_AUTO_TEST_CASE(endless_nesting_ends) {
  bytes deep;
  for (int level = 0; level < 64; ++level) {
    bytes next;
    Botan::DER_Encoder(next)
        .start_sequence()
        .start_sequence()
        .encode(Botan::OID::from_string("PKCS12.SafeContentsBag"))
        .start_context_specific(0)
        .raw_bytes(deep.empty() ? bytes{0x30, 0x00} : deep)
        .end_cons()
        .end_cons()
        .end_cons();
    deep = next;
  }
  bytes parts;
  Botan::DER_Encoder(parts)
      .start_sequence()
      .start_sequence()
      .encode(Botan::OID::from_string("PKCS7.Data"))
      .start_context_specific(0)
      .encode(deep, Botan::ASN1_Type::OctetString)
      .end_cons()
      .end_cons()
      .end_cons();
  const pfx_without_mac_i_accept_the_risk accepting(token);
  BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(around(parts), good, accepting)));
  BOOST_TEST(refused_as(errc::weaker_than_required, read_pfx(around(parts), good)));
}

BOOST_AUTO_TEST_CASE(what_only_says_that_it_is_rc2_is_refused) {
  for (const std::size_t size : {0U, 7U, 8U, 24U}) {
    const auto parts = said_to_be_rc2(bytes(size, 0x5a));
    BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(authentic(parts), good)));
    BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(authentic(parts), wrong)));
  }
  BOOST_TEST(refused_as(errc::malformed, read_pfx(authentic(said_to_be_rc2(bytes(8), 0)), good)));
  BOOST_TEST(refused_as(errc::limit_exceeded,
                        read_pfx(authentic(said_to_be_rc2(bytes(8), 2'000'000'000)), good)));
  // Without a MAC it is not even tried.
  const auto bare =
      read_pfx(around(said_to_be_rc2(bytes(8))), good, pfx_without_mac_i_accept_the_risk(token));
  BOOST_TEST(refused_as(errc::unsupported_suite, bare));
  BOOST_TEST(bare.error().value_of(fact::scheme) == "PBE-SHA1-RC2-40");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pfx_with_openssl, *boost::unit_test::precondition(with_openssl))

BOOST_AUTO_TEST_CASE(it_reads_what_we_write) {
  exchange all;
  pfx_options options;
  options.friendly_name = "our name";
  for (const bool encrypted : {false, true}) {
    options.encrypt_certificates = encrypted;
    const auto file = write_pfx(all.own, good, options).value();
    const auto info = all.read_by_them(file, "-info -noout");
    BOOST_TEST(ran(info), info);
    BOOST_TEST(says(info, "MAC: sha256, Iteration 300000"), info);
    BOOST_TEST(says(info, "PBES2, PBKDF2, AES-256-CBC, Iteration 300000, PRF hmacWithSHA256"));
    const auto whole = all.read_by_them(file, "-nodes");
    BOOST_TEST(says(whole, "friendlyName: our name"));
    BOOST_TEST(says(whole, "localKeyID: "));
    BOOST_TEST(says(whole, all.own.chain[0].pem()));
    BOOST_TEST(says(whole, all.own.chain[1].pem()));
    BOOST_TEST(says(whole, all.own.chain[2].pem()));
    BOOST_TEST(ran(run(all.place,
                       "openssl pkcs12 -in o.pfx -passin pass:Exchange-Pass-5 -nodes "
                       "-nocerts | openssl pkey -pubout -out a.pub && openssl x509 -in "
                       "leaf.pem -noout -pubkey | cmp - a.pub")));
    BOOST_TEST(says(all.read_by_them(file, "-noout", "Other"), "invalid password"));
  }
  options.chain = false;
  BOOST_TEST(!says(all.read_by_them(write_pfx(all.own, good, options).value(), "-nodes"),
                   all.own.chain[1].pem()));
  const auto bundle = write_trust_bundle(all.own.chain, good).value();
  const auto certificates = all.read_by_them(bundle, "-nokeys");
  for (const auto& each : all.own.chain) BOOST_TEST(says(certificates, each.pem()));
}

BOOST_AUTO_TEST_CASE(it_reads_what_we_write_for_old_programs) {
  exchange all;
  pfx_options options;
  options.encrypt_certificates = true;
  const auto file =
      write_pfx(all.own, good, pfx_legacy_encryption_i_accept_the_risk(token), options).value();
  const auto info = all.read_by_them(file, "-legacy -info -noout");
  BOOST_TEST(ran(info), info);
  BOOST_TEST(says(info, "MAC: sha1, Iteration 2048"), info);
  BOOST_TEST(says(info, "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048"), info);
  const auto read = read_pfx(file, good).value();
  BOOST_TEST((read.chain == all.own.chain));
  BOOST_TEST((read.weaknesses == std::vector<std::string>{"a derivation of 2048 rounds",
                                                          "its MAC is HMAC-SHA-1",
                                                          "it is encrypted with PBE-SHA1-3DES"}));
}

BOOST_AUTO_TEST_CASE(we_read_what_it_writes) {
  exchange all;
  for (const std::string how :
       {"", "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512", "-certpbe NONE",
        "-keypbe NONE", "-keypbe DES-EDE3-CBC -certpbe NONE", "-macalg sha384 -iter 50000",
        "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"}) {
    const auto read =
        read_pfx(all.theirs(how + " -certfile mixed.pem -name 'their name' -caname a"), good);
    BOOST_TEST(accepted(read), how);
    if (!read) continue;
    BOOST_TEST((read->chain == all.own.chain), how);
    BOOST_TEST(read->others.size() == 1U);
    BOOST_TEST(read->friendly_name == "their name");
    BOOST_TEST(read->local_key_id.size() == 20U);
    BOOST_TEST(accepted(read->as_identity()));
    BOOST_TEST(read->weaknesses.empty() == says(how, "50000"));
  }
  BOOST_TEST(read_pfx(all.theirs(""), good).value().chain.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_of_certificates_only_has_no_identity) {
  exchange all;
  const auto said = run(all.place,
                        "openssl pkcs12 -export -nokeys -in leaf.pem -certfile below.pem -out "
                        "t.pfx -passout pass:Exchange-Pass-5");
  BOOST_REQUIRE_MESSAGE(ran(said), said);
  const auto read = read_pfx(read_file(all.place / "t.pfx", 65536).value(), good).value();
  BOOST_TEST((read.key == nullptr));
  BOOST_TEST(read.others.size() == 2U);
  BOOST_TEST(refused_as(errc::not_found, read.as_identity()));
}

BOOST_AUTO_TEST_CASE(the_certificates_of_old_files_are_read) {
  exchange all;
  const std::vector<std::string> weak{"a derivation of 2048 rounds", "its MAC is HMAC-SHA-1",
                                      "its certificates are encrypted with PBE-SHA1-RC2-40",
                                      "it is encrypted with PBE-SHA1-3DES"};
  const auto alone = all.theirs("-legacy -name 'their name'");
  const auto leaf = read_pfx(alone, good);
  BOOST_REQUIRE(accepted(leaf));
  BOOST_TEST((leaf->chain == std::vector{all.own.chain.front()}));
  BOOST_TEST(leaf->others.empty());
  BOOST_TEST(leaf->friendly_name == "their name");
  BOOST_TEST(leaf->local_key_id.size() == 20U);
  BOOST_TEST(leaf->authenticated);
  BOOST_TEST((leaf->weaknesses == weak));
  BOOST_TEST(leaf->as_identity().value().key->belongs_to(all.own.chain.front()));
  BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(alone, wrong)));
  const auto whole = read_pfx(all.theirs("-legacy -certfile mixed.pem"), good);
  BOOST_REQUIRE(accepted(whole));
  BOOST_TEST((whole->chain == all.own.chain));
  BOOST_TEST(whole->others.size() == 1U);
  BOOST_TEST((whole->weaknesses == weak));
  const auto longer =
      read_pfx(all.theirs("-legacy -certpbe PBE-SHA1-RC2-128 -certfile mixed.pem"), good);
  BOOST_REQUIRE(accepted(longer));
  BOOST_TEST((longer->chain == all.own.chain));
  BOOST_TEST(longer->weaknesses[2] == "its certificates are encrypted with PBE-SHA1-RC2-128");
  const auto des = read_pfx(all.theirs("-legacy -certpbe PBE-SHA1-3DES -certfile mixed.pem"), good);
  BOOST_REQUIRE(accepted(des));
  BOOST_TEST((des->chain == all.own.chain));
  for (const std::string pass : {"Pässwörd-ЖИ-42", ""})
    BOOST_TEST(accepted(read_pfx(all.theirs("-legacy", pass), password(pass))), pass);
}

BOOST_AUTO_TEST_CASE(a_private_key_under_rc2_and_anything_under_rc4_is_refused_by_name) {
  exchange all;
  const auto refused_by_name = [&](const std::string& how, std::string_view scheme) {
    const auto file = all.theirs("-legacy " + how);
    const auto refused = read_pfx(file, good);
    BOOST_TEST(refused_as(errc::unsupported_suite, refused), how);
    BOOST_TEST(refused.error().value_of(fact::scheme) == scheme);
    BOOST_TEST(says(refused.error().value_of(fact::next_step), "openssl pkcs12 -legacy"));
    // Before that, its MAC: a wrong password is a wrong password.
    BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(file, wrong)));
  };
  refused_by_name("-keypbe PBE-SHA1-RC2-40", "PBE-SHA1-RC2-40");
  refused_by_name("-keypbe PBE-SHA1-RC2-128 -certpbe NONE", "PBE-SHA1-RC2-128");
  refused_by_name("-certpbe PBE-SHA1-RC4-128", "PBE-SHA1-RC4-128");
  refused_by_name("-certpbe PBE-SHA1-RC4-40", "PBE-SHA1-RC4-40");
}

BOOST_AUTO_TEST_CASE(a_private_key_among_certificates_under_rc2_is_refused) {
  exchange all;
  const auto file_of = [&](const bytes& content) {
    put(all.place / "bags", content);
    const auto said =
        run(all.place, "openssl enc -rc2-40-cbc -provider legacy -provider default -K " +
                           Botan::hex_encode(derived("1", 5)) + " -iv " +
                           Botan::hex_encode(derived("2", 8)) + " -in bags -out hidden");
    BOOST_REQUIRE_MESSAGE(ran(said), said);
    return authentic(said_to_be_rc2(read_file(all.place / "hidden", 65536).value()));
  };
  const auto key = [&](const std::string& how) {
    const auto said = run(all.place,
                          "openssl pkcs8 -topk8 -in k.pem -passin pass:Exchange-Pass-5 -passout "
                          "pass:Exchange-Pass-5 -outform DER -out k.der " +
                              how);
    BOOST_REQUIRE_MESSAGE(ran(said), said);
    return read_file(all.place / "k.der", 65536).value();
  };
  const auto nested = [](const bytes& content) { return bag("PKCS12.SafeContentsBag", content); };
  const auto good_one = certificate_bag(all.own.chain.front());
  for (const auto& content : {good_one, nested(good_one)}) {
    const auto read = read_pfx(file_of(content), good);
    BOOST_REQUIRE(accepted(read));
    BOOST_TEST((read->others == std::vector{all.own.chain.front()}));
  }
  const auto bare = bag("PKCS12.KeyBag", key("-nocrypt"));
  const auto shrouded = bag("PKCS12.PKCS8ShroudedKeyBag", key("-v2 aes-256-cbc"));
  for (const auto& content : {bare, shrouded, nested(bare), nested(shrouded)}) {
    const auto refused = read_pfx(file_of(content), good);
    BOOST_TEST(refused_as(errc::unsupported_suite, refused));
    BOOST_TEST(refused.error().value_of(fact::scheme) == "PBE-SHA1-RC2-40");
    BOOST_TEST(says(refused.error().value_of(fact::next_step), "openssl pkcs12 -legacy"));
  }
}

BOOST_AUTO_TEST_CASE(passwords_are_those_it_means) {
  exchange all;
  const std::string accents = "Pässwörd-ЖИ-42";
  const auto file = all.theirs("", accents);
  BOOST_TEST(accepted(read_pfx(file, password(accents))));
  BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(file, password("Password-42"))));
  BOOST_TEST(
      ran(all.read_by_them(write_pfx(all.own, password(accents)).value(), "-noout", accents)));
  const auto open = all.theirs("", "");
  BOOST_TEST(accepted(read_pfx(open, password(""))));
  BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(open, good)));
  BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(file, password(""))));
  for (const std::string_view impossible : {"\xff\xff", "\U0001f512"})
    BOOST_TEST(refused_as(errc::invalid_argument, read_pfx(file, password(impossible))));
}

BOOST_AUTO_TEST_CASE(a_file_without_a_mac_is_read_only_by_who_says_so) {
  exchange all;
  const auto file = all.theirs("-nomac");
  BOOST_TEST(refused_as(errc::weaker_than_required, read_pfx(file, good)));
  const pfx_without_mac_i_accept_the_risk accepting(token);
  const auto read = read_pfx(file, good, accepting).value();
  BOOST_TEST(!read.authenticated);
  BOOST_TEST(read.weaknesses.front() == "it has no MAC");
  BOOST_TEST(accepted(read.as_identity()));
  BOOST_TEST(!accepted(read_pfx(file, wrong, accepting)));
  // Where there is one, it counts.
  BOOST_TEST(refused_as(errc::authentication_failed, read_pfx(all.theirs(""), wrong, accepting)));
}

BOOST_AUTO_TEST_CASE(nothing_that_was_cut_or_altered_is_authentic) {
  exchange all;
  const pfx_without_mac_i_accept_the_risk accepting(token);
  for (const std::string how : {"-certfile mixed.pem -iter 16", "-nokeys -certpbe NONE -iter 16",
                                "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -iter 16",
                                "-legacy -certfile mixed.pem -iter 16"}) {
    const auto file = all.theirs(how);
    BOOST_REQUIRE(accepted(read_pfx(file, good)));
    for (std::size_t size = 0; size < file.size(); size += size < 64 ? 1 : 64)
      BOOST_TEST(refused_as(errc::truncated, read_pfx(bytes_view(file).first(size), good)), size);
    for (std::size_t at = 0; at < file.size(); at += at < 64 || at + 128 > file.size() ? 1 : 64) {
      auto altered = file;
      altered[at] ^= 1U;
      const auto read = read_pfx(altered, good);
      BOOST_TEST(!read, at);
      const auto code = read ? errc::none : read.error().code();
      BOOST_TEST((code == errc::authentication_failed || code == errc::malformed ||
                  code == errc::truncated || code == errc::unsupported_suite ||
                  code == errc::unsupported_version || code == errc::limit_exceeded ||
                  code == errc::weaker_than_required),
                 at);
    }
    // Without its MAC nobody notices, but nothing breaks either.
    const auto bare = all.theirs(how + " -nomac");
    for (std::size_t at = 0; at < bare.size(); at += 16) {
      auto altered = bare;
      altered[at] ^= 0x81U;
      const auto read = read_pfx(altered, good, accepting);
      BOOST_TEST((!read || !read->authenticated));
    }
  }
}

BOOST_AUTO_TEST_CASE(costly_files_are_refused_before_the_cost) {
  exchange all;
  const auto file = all.theirs("-iter 20000 -certfile mixed.pem");  // three derivations
  pfx_limits limits;
  limits.iterations = 60'000;
  BOOST_TEST(accepted(read_pfx(file, good, limits)));
  for (const std::size_t fewer : {0U, 19'999U, 39'999U, 59'999U}) {
    limits.iterations = fewer;
    BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(file, good, limits)));
  }
  const auto old = all.theirs("-legacy -iter 20000");
  limits.iterations = 120'000;  // one for the MAC, two for RC2, three for triple DES
  BOOST_TEST(accepted(read_pfx(old, good, limits)));
  for (const std::size_t fewer : {0U, 19'999U, 59'999U, 119'999U}) {
    limits.iterations = fewer;
    BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(old, good, limits)));
  }
  limits = {};
  limits.certificates = 3;
  BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(file, good, limits)));
  limits = {};
  limits.bags = 6;
  BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(file, good, limits)));
  limits.bags = 7;  // two parts, four certificates, a key
  BOOST_TEST(accepted(read_pfx(file, good, limits)));
  limits = {};
  limits.size = file.size() - 1;
  BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(file, good, limits)));
  // A MAC of two thousand million rounds, which nobody waits for.
  auto endless = all.theirs("-iter 16");
  const bytes rounds{0x02, 0x01, 0x10};
  BOOST_REQUIRE((bytes(endless.end() - 3, endless.end()) == rounds));
  endless[3] = static_cast<std::uint8_t>(endless[3] + 3);  // lengths: all, and the MAC's
  const auto mac = std::ranges::search(endless, bytes{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09});
  BOOST_REQUIRE(!mac.empty());
  const auto before = static_cast<std::size_t>(mac.begin() - endless.begin()) - 1;
  endless[before] = static_cast<std::uint8_t>(endless[before] + 3);
  endless.resize(endless.size() - 3);
  append(endless, bytes{0x02, 0x04, 0x7f, 0xff, 0xff, 0xff});
  BOOST_TEST(refused_as(errc::limit_exceeded, read_pfx(endless, good)));
}

BOOST_AUTO_TEST_CASE(a_renewed_certificate_of_the_same_key_does_not_replace_the_one_meant) {
  exchange all;
  const auto renewed = all.office.below.issue({"db1"}, *all.own.key, both, noon).value();
  put(all.place / "renewed.pem", as_bytes(renewed.pem()));
  const auto read = read_pfx(all.theirs("-certfile renewed.pem -certpbe NONE"), good).value();
  BOOST_TEST((read.chain.front() == all.own.chain.front()));
  BOOST_TEST((read.others == std::vector{renewed}));
}

BOOST_AUTO_TEST_CASE(an_rsa_key_decrypts_what_was_encrypted_to_its_certificate) {
  const scratch here;
  const auto said =
      run(here,
          "openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=encryption "
          "-days 9 -addext keyUsage=keyEncipherment && openssl pkcs12 -export -inkey k.pem -in "
          "c.pem -out t.pfx -passout pass:Exchange-Pass-5 -keyex");
  BOOST_REQUIRE_MESSAGE(ran(said), said);
  const auto read = read_pfx(read_file(here / "t.pfx", 65536).value(), good).value();
  using scheme = crypto::rsa_oaep<2048>;
  const auto ours = scheme::private_key::decode(read.key->to_pkcs8().value()).value();
  const auto theirs =
      scheme::public_key::decode(read.chain.front().x509().subject_public_key_info()).value();
  system_random random;
  const auto sent = scheme::encapsulate(theirs, random).value();
  BOOST_TEST((scheme::decapsulate(ours, sent.ciphertext).value() == sent.shared));
}

BOOST_AUTO_TEST_CASE(keys_that_are_not_taken_are_refused_by_name) {
  const scratch here;
  for (const std::string kind :
       {"RSA -pkeyopt rsa_keygen_bits:1024", "EC -pkeyopt ec_paramgen_curve:P-521"}) {
    const auto said =
        run(here, "openssl genpkey -algorithm " + kind +
                      " -out k.pem && openssl req -x509 -new -key k.pem -out c.pem -subj /CN=a && "
                      "openssl pkcs12 -export -inkey k.pem -in c.pem -out t.pfx -passout "
                      "pass:Exchange-Pass-5");
    BOOST_REQUIRE_MESSAGE(ran(said), said);
    BOOST_TEST(refused_as(errc::unsupported_suite,
                          read_pfx(read_file(here / "t.pfx", 65536).value(), good)));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pfx_test

}  // namespace keywarden::pki
