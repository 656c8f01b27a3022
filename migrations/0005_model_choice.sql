ALTER TABLE `collections` ADD `model_choice` text;--> statement-breakpoint
INSERT INTO `meta` (`key`, `value`) VALUES ('schema_version', 6) ON CONFLICT (`key`) DO UPDATE SET `value` = excluded.`value`;
