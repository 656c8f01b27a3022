/**
 * Function words (articles, pronouns, prepositions, auxiliaries) of languages that share a script with others. They tell a
 * language from very little text, and they carry nothing in a long question, so `queryWords` leaves them out.
 */
import { foldMarks } from './fold.ts'

const LISTS: Readonly<Record<string, string>> = {
  en: `a about all also an and any are as at be been but by can could did do does for from had has have he her his how i if in
    into is it its may more most must my no not of on only or our over she should so some such than that the their them then
    there these they this those to under up was we were what when where which while who whom whose why will with would
    you your`,
  de: `aber alle als am an auch auf aus bei beim bin bis bist da dann das dass dem den der des die dies diese diesem
    diesen dieser dieses doch du durch ein eine einem einen einer eines er es fur gegen habe haben hat hatte ich ihr im in
    ins ist ja kann kein keine konnen man mehr mit muss nach nicht noch nur ob oder ohne sein seine sich sie sind so uber um
    und uns unter vom von vor wann war waren warum was welche welcher wenn wer werden wie wir wird wo wurde zu zum zur`,
  fr: `ai alors au aux avec beaucoup ce ceci cela ces cet cette comme comment dans de depuis des donc dont du elle elles en
    entre est et etait ete etre eux fait fut il ils je jusque la le les leur leurs lors lui mais meme mes mon ne ni nos
    notre nous on ont ou par pas pendant peut plus pour pourquoi quand que quel quelle quelles quels qui sa sans se ses si
    son sont sous sur ta tes ton tous tout tres tu un une vos votre vous y etaient aussi`,
  es: `al algo ante antes aunque cada como con contra cual cuando cuanto cuantos de del desde donde dos durante el ella ellas
    ellos en entre era eran es esa ese eso esta estaba estan estar este esto estos fue fueron ha habia hacia han hasta hay
    la las le les lo los mas me mi mientras muy ni no nos o otra otro otros para pero por porque puede que quien quienes se
    segun ser si sin sobre son su sus tambien tiene tienen todo todos tras tu un una uno unos y ya yo`,
  it: `agli ai al alla alle allo anche ancora avere aveva c che chi ci come con contro cosa cui da dagli dai dal dalla dalle
    degli dei del della delle dello di dove due e ed era erano essere fra fu furono gia gli ha hanno i il in io l la le
    lei lo loro lui ma mentre mi molto ne nei nel nella nelle nello noi non nostro o per perche piu poi puo quale quali
    quando quanti quanto quello questa queste questi questo se sei si sia sono stata stato su sua sue sugli sui sul sulla
    suo suoi tra tu tutti un una uno vi`,
  pt: `a ainda ao aos aquela aquele as ate cada com como da das de dele dela depois do dos e ela elas ele eles em entre era
    eram essa esse esta estao estava este eu foi foram ha isso isto ja lhe mais mas me mesmo meu minha muito na nao nas nem
    no nos nossa nosso num numa o onde os ou para pela pelas pelo pelos por porque pode quais qual quando quanto quantos que
    quem sao se sem ser seu seus sobre sua suas tambem te tem ter um uma umas uns voce`,
  nl: `aan al alle als altijd ben bij daar dan dat de deze die dit doen door dus een en er ge geen had hebben heeft het hier
    hij hoe hun iemand iets ik in is ja je kan kon kunnen maar meer men met mij mijn moet na naar niet niets nog nu of om
    omdat onder ons ook op over reeds te tegen toch toen tot u uit uw van veel voor waar waarom wanneer want waren was wat
    werd wie wij wil worden wordt ze zelf zich zij zijn zo zonder zou`,
  sv: `alla att av bara blev bli blir da dar de dem den denna deras dess dessa det detta dig din du efter ej eller en er ett
    fran for ha hade han hans har har hennes hon hur i icke inom inte jag kan kunde man med mellan men mig min mot mycket nar
    nagon nagot ni nu och om oss pa samma sedan sig sin sina skulle som till under upp ut utan vad var vara varfor vart vem
    vi vid vilka vilken ar over`,
  da: `ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse du efter eller en end er
    et for fra ham han hans har havde hende her hos hun hvad hvem hvilke hvilken hvis hvor hvordan hvornar i ikke ind jeg jo
    kan kunne man mange med meget men mig min mod nar noget nogle nu og ogsa om op os over pa sig sin skal skulle som sadan
    til ud under var ved vi vil ville vore vaere vaeret`,
  nb: `alle at av bare ble bli blir da de deg dem den denne der deres det dette din disse du eller en er et etter for fra ha
    hadde han hans har hennes her hun hva hvem hvilken hvis hvor hvordan hvorfor i ikke ingen inn jeg kan kunne man mange med
    meg mellom men min mot mye na nar noe noen og ogsa om opp oss over pa seg selv sin skal skulle slik som til ut uten vaere
    vaert var ved vi vil ville`,
  fi: `ei eika eivat en ennen etta han hanen he heidan ja jo joka jolla jonka jos jossa jotka joten kaikki kanssa koska kuin
    kuinka kun kuka kuten me mika mikä mina miten milloin missa mita mutta myos ne niin noin nyt olen oli olivat olla olleet
    ollut on ovat paitsi se sen sekä seka si siella siina sita sitten sina tai tama tasta tassa te tuo vain vaan vai voi yli`,
  pl: `aby albo ale bardzo bez bo by byc byl byla bylo byly ci co czy dla do dlaczego gdy gdzie go i ich ile im jak jaka jakie
    jako je jego jej jest jestem jeszcze juz kiedy kto ktora ktore ktory ktorych lub ma maja mi mnie moze mozna na nad nas
    nie niej nim o od on ona one oni oraz po pod przed przez przy sa sie swoj ta tak takze tam te tego tej ten to tu ty tych
    tylko tym u w we wiec wszystko z za ze zostal`,
  cs: `aby ale ani az bez bude budou by byl byla bylo byly byt co coz do i ja jak jako je jeho jej jeji jejich jen jeste ji
    jiz jsem jsme jsou k kde kdo kdy kdyz ktera ktere kteri ktery ma mezi mi mit mohou muze na nad nam ne nebo nebyl neni nez
    o od on ona oni pak po pod podle pokud pred pri pro proc proto s se si sve svou ta tak take tato tedy ten tento teto to
    toho tom tu ty tyto u uz v ve vsak z za ze`,
  ro: `a acea aceasta acest aceste acestea ai al ale am ar are as asa atat atunci au ca cand care cat catre ce cel cele cine
    cu cum cand daca dar de deci decat din doar dupa ea ei el ele era erau este eu fi fiind fie fost i iar in intre insa la
    le li lor lui mai mult ne nici nu o pe pentru peste poate prin sa sau se si sub sunt tot toate un una unde unei unor unui
    va`,
  hu: `a abban ahhoz ahogy ahol aki akkor alatt amely amelyek ami amit amikor annak arra az azert azok azonban azt be csak de e
    egy egyik el ekkor elott en ennek ez ezek ezt fel hanem hat hogy hogyan hol igen ill is itt jo kell kellett ki kik kozott
    le lehet lett majd meg mely mert mi miert mig mikor milyen mint minden mindig nagyon nem neki o ok olyan ott s
    sem szerint tehat tovabb ugy utan vagy van vannak volt voltak`,
  tr: `ama ancak bana bazi ben beri bile bir biri biz bu bunu bunun burada cok cunku da daha de degil diye en gibi gore hangi
    hem henuz hep her icin ile ise iste kadar kendi ki kim kimse mi mu nasil ne neden nerede o olan olarak oldu olduğu oldugu
    olsa olur on ona onlar onun sadece sen siz sonra su tarafindan tum var ve veya ya yani yok`,
  id: `ada adalah agar akan anda antara apa atas atau bagi bahwa bagaimana banyak beberapa belum berapa bisa dalam dan dapat
    dari dengan di dia harus hanya ini itu jika juga kami kapan karena kata ke kepada kita lagi lain lebih maka mana masih
    mereka mengapa menjadi oleh orang pada para pernah saat saja sangat saya sebagai sebuah secara sedang seorang seperti
    serta setelah siapa sudah tahun tapi telah tentang terhadap tetapi tidak untuk yaitu yang`,
  ca: `al als amb aquest aquesta aquests com de del dels des el ella els en entre era es esta foi fou ha han hi i ja l la les
    li lo mes molt no on o pel pels per pero perque que quan qui se sense ser seu seva si sobre son sota tambe te tot tots un
    una unes uns va van`,
  ru: `а без более бы был была были было быть в вам вас во вот все всего вы где да даже для до его ее если есть еще же за здесь
    и из или им их к как какая какие какой ко когда кто ли между меня мы на над нас не него нет ни них но о об один он она
    они оно от очень по под после при с со свои себя так также там то того только том тот ты у уже хотя чего чем что чтобы
    эта эти это этого этот я является`,
  uk: `а аби або але без бо був була були було бути в вам вас вже ви від він вона вони все всі для до його за з зі й і із їх її як яка
    яке який які коли лише ми між мене на навіть над нас не ні них о об один по під після при про та так також там те ти то
    тому той тільки у хто це цей ця ці чи чому що щоб є`,
  bg: `а ако ала без беше би бил била били било в вас ви все във всички го да дали до докато дори е ги за защо и из или им има как
    каква какво какъв като кога когато което които кой която към ли между мен ми много може му на над най не него нея ни ние но
    нито обаче от по под поради през при с са само се сега си след според срещу със също така такава там те тези ти то това
    този той тук тя че ще я`,
  sr: `а али ако без би био биће бити био била било били већ ви где да до док због за и из или им има их ја је један једна јер
    јесу као када како који која које кроз ли међу ми мој на над не него неки није ни њега њен о од око он она они оно по под
    пре преко при са само се себе си смо су тај так такође те то тога у уз што шта ће`,
  ar: `في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين ما ماذا متى أين كيف لماذا هل هو هي هم كان كانت يكون لا لم لن أن ان إن
    أو او ثم قد كل بعد قبل بين حتى عند غير كما لكن منذ نحن أنا أنت كم و به له فيه فيها عليه منه منها وقد وكان`,
  fa: `از است این آن با به برای تا را در که و یا هم می شد شده شود بود بودند دارد دارند کرد کرده کند می‌شود ها های یک بر او ما شما
    آنها چه چرا چگونه کجا کی اما اگر نیز هر نیست پس پیش`,
  ur: `اور کا کی کے کو سے میں پر نے ہے ہیں تھا تھی تھے یہ وہ ایک جو کہ بھی نہیں تو ہی اس ان کیا کب کہاں کیوں کیسے ہوا ہوئی ہو گیا گئی
    لیے ساتھ تک بعد پہلے`,
  hi: `और का की के को से में पर ने है हैं था थी थे यह वह एक जो कि भी नहीं तो ही इस उस क्या कब कहाँ क्यों कैसे हुआ हुई हो गया गई लिए साथ तक बाद
    पहले कर करने किया जा रहा`,
  mr: `आणि आहे आहेत व या हे ही हा तो ती ते त्या त्यांनी होते होता होती नाही एक मध्ये साठी पण किंवा की काय कधी कुठे का कसे केले झाले असे
    म्हणून वर येथे यांनी`,
  ne: `र को मा छ छन् हो हुन् थियो थिए यो त्यो एक पनि ले लाई बाट भएको गरेको गर्ने तथा वा छैन के कहिले कहाँ किन कसरी हुने भने अनि`,
}

const SETS = new Map(
  Object.entries(LISTS).map(([language, list]) => [language, new Set(foldMarks(list).trim().split(/\s+/))] as const),
)

/** Languages by function word, for detection. */
const LANGUAGES = new Map<string, string[]>()
for (const [language, set] of SETS) {
  for (const word of set) LANGUAGES.set(word, [...(LANGUAGES.get(word) ?? []), language])
}

/** Tells whether a word (through `foldMarks`) is a function word of the language; `false` for unknown languages. */
export function isFunctionWord(word: string, language: string): boolean {
  return SETS.get(language)?.has(word) ?? false
}

/** Lists the languages that have the word (through `foldMarks`) as a function word. */
export function languagesOfFunctionWord(word: string): readonly string[] {
  return LANGUAGES.get(word) ?? []
}
