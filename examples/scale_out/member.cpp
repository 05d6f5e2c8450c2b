// One server of the deployment: it seals and opens orders, and does as it is told on its standard
// input, a line each.
#include "member.hpp"

#include <iostream>
#include <sstream>

#include "composition.hpp"
#include "order_table.hpp"

namespace farm {
namespace {

void reply(const std::string& line) { std::cout << line << std::endl; }

/// What a server does with orders.
class work {
 public:
  work(const deployment& member, std::string name, const std::string& address)
      : key_(member.key<orders>()), name_(std::move(name)), table_(address) {}

  // One order more; or the reason why there is none.
  kw::result<void> seal_one() {
    const auto text = name_ + "'s order " + std::to_string(sealed_ + 1);
    auto sealed = key_.seal(kw::as_bytes(text));
    if (!sealed) return sealed.error();
    table_.add(sealed->view());
    ++sealed_;
    return kw::done();
  }
  // How many of all orders open here.
  std::string open_all() {
    std::size_t opened = 0, refused = 0;
    std::string why;
    for (auto& row : table_.all()) {
      auto shown = key_.open(kw::sealed<orders>(std::move(row.sealed)));
      if (shown)
        ++opened;
      else if (++refused == 1)
        why = std::string(kw::name_of(shown.error().code()));
    }
    return std::to_string(opened) + ' ' + std::to_string(refused) + ' ' + why;
  }
  [[nodiscard]] std::size_t sealed() const { return sealed_; }

 private:
  decltype(std::declval<const deployment&>().key<orders>()) key_;
  std::string name_;
  order_table table_;
  std::size_t sealed_ = 0;
};

kw::installation_id find(deployment& in, const std::string& name) {
  for (const auto& each : in.members().value())
    if (each.name == name) return each.installation;
  throw std::runtime_error("no member is called " + name);
}

std::string obey(deployment& member, work& here, const std::string& line) {
  std::istringstream words(line);
  std::string verb, first, second;
  words >> verb >> first >> second;
  if (verb == "seal") {
    for (int left = std::stoi(first); left > 0; --left)
      if (auto done = here.seal_one(); !done) return std::string(kw::name_of(done.error().code()));
    return std::to_string(here.sealed());
  }
  if (verb == "open") return here.open_all();
  if (verb == "approve") {
    const auto id = kw::strong_from_hex<kw::installation_id>(first).value();
    return member.approve(id, kw::verification_code::parse(second).value()).value().text();
  }
  if (verb == "rotate") return std::to_string(member.rotate().value().value());
  if (verb == "version")
    return std::to_string(member.key<orders>().current().value()->active().value());
  if (verb == "leave-and-rotate")
    return std::to_string(member.leave_and_rotate(find(member, first)).value().value());
  if (verb == "members") return std::to_string(member.members().value().size());
  if (verb == "put") {
    member.secrets().put("mail-password", kw::as_bytes(first)).value();
    return "stored";
  }
  if (verb == "get") return std::string(member.secrets().get("mail-password").value().text());
  throw std::runtime_error("unknown command " + verb);
}

}  // namespace

int serve(const std::filesystem::path& folder, const std::string& name,
          const std::string& address) {
  auto own = open_vault(folder).value();
  const auto shared = [&] { return kw::store::postgres::open(address).value(); };

  // The first server makes the deployment; the next ones ask to join it. The two codes go from
  // operator to operator: here, over these processes' pipes.
  //[scale_out_join
  auto opened = deployment::open_or_create(own, shared(), "shop", name);
  if (!opened && opened.error() == kw::errc::not_activated) {
    const auto ticket = deployment::ask_to_join(own, shared(), "shop", name).value();
    reply(kw::to_hex(ticket.installation.view()) + ' ' + ticket.fingerprint.text());
    std::string confirmation;
    std::getline(std::cin, confirmation);
    opened =
        deployment::join(own, shared(), "shop", kw::verification_code::parse(confirmation).value());
  }
  auto member = std::move(opened).value();
  const auto following = member.follow();  // sees what the others do
  //]

  reply("ready");
  order_table(address).create();
  auto here = std::make_unique<work>(member, name, address);
  for (std::string line; std::getline(std::cin, line);) {
    try {
      reply(obey(member, *here, line));
    } catch (const kw::refused& refusal) {
      reply("refused " + std::string(kw::name_of(refusal.reason().code())));
    } catch (const std::exception&) {  // the server was restarted: another connection
      here = std::make_unique<work>(member, name, address);
      reply("again");
    }
  }
  return 0;
}

}  // namespace farm
