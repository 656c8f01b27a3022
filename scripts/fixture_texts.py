"""The texts of make-edge-en-fixtures.py: sentences written for this purpose, and templates that a seeded generator fills."""

LANGUAGES = {
    "de": ["Der Zug nach Köln hält heute auf Gleis sieben.", "Für die Prüfung genügt ein gültiger Ausweis, z. B. der Führerschein.", "Straßenbahnen fahren auch nachts."],
    "fr": ["L'été dernier, nous avons loué une maison près de la mer.", "Où se trouve la bibliothèque, s'il vous plaît ?", "Le cœur de la forêt reste à l'ombre."],
    "es": ["¿Cuánto cuesta el billete de ida y vuelta?", "El niño pequeño juega con una cometa en la montaña.", "¡Qué día tan bonito!"],
    "pt": ["A reunião foi adiada para a próxima terça-feira.", "Não há pão fresco na padaria da esquina.", "As crianças aprendem a ler aos seis anos."],
    "it": ["La città vecchia è chiusa al traffico.", "Perché non mi hai detto che saresti venuto?", "L'università offre corsi serali."],
    "nl": ["De fietsenmaker om de hoek repareert ook elektrische fietsen.", "Zij heeft drieëntwintig boeken gelezen."],
    "sv": ["Björnen åt blåbär vid ån.", "Mötet börjar klockan åtta på tisdag."],
    "no": ["Fjorden fryser sjelden om vinteren.", "Jeg så på fotballkampen i går kveld."],
    "fi": ["Järven jää kantoi jo joulukuussa.", "Opiskelijat äänestivät uudesta säännöstä."],
    "pl": ["Źródło rzeki leży wysoko w górach.", "Proszę wypełnić wniosek i przesłać go pocztą."],
    "cs": ["Příliš mnoho sněhu zastavilo vlaky.", "Děti se těší na letní prázdniny."],
    "hu": ["Az őszi szünet jövő héten kezdődik.", "Kérjük, őrizze meg a számlát."],
    "ro": ["Șoseaua este închisă din cauza zăpezii.", "Învățătoarea citește o poveste."],
    "tr": ["İstanbul'da yağmur yağıyor, ılık bir rüzgâr esiyor.", "Kütüphane pazartesi günleri kapalıdır."],
    "vi": ["Thư viện mở cửa lúc tám giờ sáng.", "Những con đường nhỏ dẫn ra bờ sông."],
    "ru": ["Поезд отправляется с третьего пути.", "Ёлка стоит в углу, дети поют песни.", "Объясните, пожалуйста, как работает поиск."],
    "uk": ["Їжак шукає яблука в саду.", "Засідання перенесли на п'ятницю."],
    "bg": ["Градината е затворена през зимата.", "Щастието обича тишината."],
    "el": ["Ο ΟΔΥΣΣΕΑΣ γύρισε στην Ιθάκη.", "Η βιβλιοθήκη είναι ανοιχτή όλη μέρα.", "Πού είναι ο σταθμός;"],
    "he": ["הספרייה פתוחה עד שמונה בערב.", "שָׁלוֹם לכולם"],
    "ar": ["المكتبة مفتوحة حتى الساعة الثامنة.", "كِتَابٌ جديد عن تاريخ المدينة.", "أين محطة القطار؟"],
    "fa": ["کتابخانه تا ساعت هشت باز است.", "باران تمام شب می‌بارید."],
    "hi": ["पुस्तकालय आठ बजे तक खुला है।", "बच्चे नदी के किनारे खेल रहे हैं।"],
    "bn": ["গ্রন্থাগার আটটা পর্যন্ত খোলা।", "নদীর ধারে শিশুরা খেলছে।"],
    "ta": ["நூலகம் எட்டு மணி வரை திறந்திருக்கும்.", "மழை பெய்கிறது."],
    "te": ["గ్రంథాలయం ఎనిమిది వరకు తెరిచి ఉంటుంది."],
    "th": ["ห้องสมุดเปิดถึงสองทุ่ม", "เด็กๆ เล่นน้ำที่ริมแม่น้ำ"],
    "km": ["បណ្ណាល័យបើករហូតដល់ម៉ោងប្រាំបី។"],
    "my": ["စာကြည့်တိုက်သည် ရှစ်နာရီအထိ ဖွင့်သည်။"],
    "zh": ["图书馆开放到晚上八点。", "請在星期五之前提交報告，謝謝！", "机器学习模型需要大量数据。"],
    "ja": ["図書館は午後八時まで開いています。", "東京タワーの高さは333メートルです。", "ｶﾀｶﾅとひらがなを混ぜた文章。"],
    "ko": ["도서관은 저녁 여덟 시까지 엽니다.", "아이들이 강가에서 놀고 있다."],
    "ka": ["ბიბლიოთეკა ღიაა რვა საათამდე."],
    "hy": ["Գրադարանը բաց է մինչև ութը։"],
    "am": ["ቤተ መጻሕፍቱ እስከ ስምንት ሰዓት ክፍት ነው።"],
    "sw": ["Maktaba iko wazi hadi saa mbili usiku.", "Watoto wanacheza kando ya mto."],
    "id": ["Perpustakaan buka sampai pukul delapan malam.", "Anak-anak bermain di tepi sungai."],
    "is": ["Þjóðvegurinn er lokaður vegna snjóa.", "Bókasafnið er opið til átta."],
    "ga": ["Tá an leabharlann oscailte go dtí a hocht."],
    "eu": ["Liburutegia zortziak arte irekita dago."],
}

ODDITIES = [
    "", " ", "\n\n\t", "a", "?", "[SEP]", "[CLS] [MASK] [PAD] [UNK]", "x [SEP] y[MASK]z", "##ing", "un##known", "[unused1]",
    "don't... can't; won't!", "e-mail me at first.last+tag@example.com", "$5.00 or €4,99 (≈ £4.20)", "3.14159e-10", "C++ > C#",
    "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "😀" * 100, "😀" * 101, "ab " * 300,
    "Ünïcödé Ångström ǅ ß ẞ", "ΑΣ ΟΔΥΣΣΕΥΣ σς", "İ ı I i", "ﬁ ﬂ ﬃ Ⅷ ½ ™ ℃", "𝐁𝐨𝐥𝐝 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 ℝ",
    "a\u200bb\u200c\u200d zero\u00adwidth\ufeff", "a\u00a0b\u3000c\u2028d\u2029e\u0085f\u000bg\u000ch", "nul\u0000 del\u007f esc\u001b[0m \ufffd",
    "emoji 😀 👩‍👩‍👧 🇩🇪 👍🏽", "e\u0301 vs \u00e9, o\u0308\u0304", "한글 vs 한글", "𠀀𪜀𫝀𫠠𬺰 rare ideographs", "漢字kanji混合mixed",
    "“quotes” ‘single’ «angle» — dash – en … ellipsis", "• bullet · dot † dagger ‰", "a/b\\c|d_e~f`g^h", "<div class=\"x\">&nbsp;</div>",
    "\u0600\u06dd format \u2066isolate\u2069", "\ue000 private \uf8ff", "٣٫١٤ ۱۲۳ १२३ ໑໒໓ ①②③", "1st 2nd 3rd 4ᵗʰ H₂O E=mc²",
]  # fmt: skip

SUBJECTS = """the harbour master|a retired engineer|our accounting department|the night nurse|every new tenant|the city council|a curious student
the choir|an unpaid intern|the lighthouse keeper|the database administrator|my grandmother|the goalkeeper|the beekeeper|a small bakery
the research team|the ferry|the old bridge|the vaccine|the compiler|a flock of starlings|the glacier|the committee|the violinist
the satellite|the search index|a visiting professor|the train conductor|the carpenter|the museum|the orchard|the insurance company""".replace("\n", "|").split("|")

VERBS = """repaired|ignored|published|cancelled|measured|photographed|translated|rebuilt|sold|inherited|inspected|postponed|recorded|watered
explained|borrowed|replaced|documented|questioned|delivered|painted|indexed|compressed|evacuated|renamed|celebrated|audited|restored
approved|rejected|forgot|discovered""".replace("\n", "|").split("|")

OBJECTS = """the quarterly report|a leaking pipe|seventeen wooden boats|the emergency exit|an early map of the coast|the refund policy
the second movement of the symphony|a broken turbine|the chemical composition of the soil|all outgoing invoices|the winter timetable
a recipe for rye bread|the patient's blood pressure|an encrypted backup|the rules of the tournament|a nest under the roof
the annual budget|three unsigned contracts|the telescope's main mirror|the user manual|a jar of heather honey|the longest tunnel in the region
the interest rate|a rare orchid|the failing unit tests|the parking permit|a memory leak|the harvest|the password reset form""".replace("\n", "|").split("|")

ENDINGS = """before the storm arrived|without asking anybody|in less than two hours|during the summer of 1987|for the third time this week
because the supplier had gone bankrupt|although nobody had requested it|on behalf of the ministry|with a borrowed ladder|at 6:45 in the morning
as the contract required|after a long and bitter argument|near the northern border|while the others were asleep|using only public data
in spite of the heavy rain|to everyone's surprise|according to the local newspaper|for roughly $12,500|under the supervision of two experts""".replace("\n", "|").split("|")

QUESTIONS = """how do I cancel {o}|who {v} {o}|why was {o} never {v}|what happens when {s} is late|where can I find {o}
is it legal to have {v} {o}|when did {s} open|which rules apply to {s}|how long does {o} last|does {s} need {o}
cost of {o}|{s} contact address|difference between {o} and {o2}|best way to deal with {o}|{o}|can {s} and {s2} share {o}""".replace("\n", "|").split("|")

SNIPPETS = [
    "for (let i = 0; i < items.length; i += {n}) total += items[i].price * {m}",
    "SELECT name, COUNT(*) FROM orders WHERE created_at > '20{n}-0{d}-1{d}' GROUP BY name HAVING COUNT(*) > {m};",
    "def area(radius):\n    return {m} * radius ** 2  # {o}",
    "https://www.example.org/{w}/{n}?page={d}&sort=-date#{w}",
    "curl -X POST http://127.0.0.1:{n}{m}/v1/{w} -H 'content-type: application/json' -d '{{\"id\": \"{n}\"}}'",
    "| {w} | {n} | {m} % |\n| --- | --- | --- |",
    "# {W}\n\n- {o}\n- **{v}** by _{s}_\n\n> {W} {n}.{m}.{d}",
    "ERROR {n}: {w} failed after {m} ms (code=0x{n}f{d}, retry={d})",
    "+49 30 {n}{m} / fax -{d}, {w}@example.com, invoice no. {n}-{m}/{d}",
    "{{\"{w}\": [{n}, {m}.{d}, null, true], \"text\": \"{o}\"}}",
    "<p class='{w}'>{W} &amp; {o}</p>",
    "Fn::{w}(&self, n{d}: u{n}) -> Result<Vec<{W}>, Error> {{ todo!() }}",
]

WORDS = "invoice harbour quantum retry métier naïve façade orchid Zürich throughput O'Brien well-being café thermostat".split()

EMOJI = "😀 🚢 🌧️ ✅ 🔥 👩‍🔬 🇫🇷 ❤️ 📦 🎻".split()


class Sentences:
    """Fills the templates from one source of randomness."""

    def __init__(self, rng):
        self.rng = rng

    def sentence(self):
        pick = self.rng.choice
        text = f"{pick(SUBJECTS)} {pick(VERBS)} {pick(OBJECTS)} {pick(ENDINGS)}"
        if self.rng.random() < 0.3:
            text += f", and {pick(SUBJECTS)} {pick(VERBS)} {pick(OBJECTS)}"
        return text[0].upper() + text[1:] + pick(["."] * 8 + ["!", ";", " …"])

    def paragraph(self, count):
        return " ".join(self.sentence() for _ in range(count))

    def question(self):
        text = self.fill(self.rng.choice(QUESTIONS))
        return text + "?" if self.rng.random() < 0.5 else text

    def fill(self, template):
        rng = self.rng
        word = rng.choice(WORDS)
        return template.format(
            s=rng.choice(SUBJECTS), s2=rng.choice(SUBJECTS), v=rng.choice(VERBS), o=rng.choice(OBJECTS), o2=rng.choice(OBJECTS),
            n=rng.randint(10, 99), m=rng.randint(100, 9999), d=rng.randint(1, 9), w=word, W=word.title(),
        )  # fmt: skip

    def any(self):
        kind = self.rng.random()
        if kind < 0.35:
            return self.sentence()
        if kind < 0.6:
            return self.question()
        if kind < 0.7:
            return self.paragraph(self.rng.randint(2, 5))
        if kind < 0.95:
            return self.fill(self.rng.choice(SNIPPETS))
        return f"{self.rng.choice(EMOJI)} {self.sentence()}{self.rng.choice(EMOJI)}"
